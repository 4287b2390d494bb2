using Custodian.Node.Commands;
using Custodian.Pkcs11.Isolation.Host;

// Before anything that the command line needs is loaded: the HSM's process starts whenever another one ends, and must be there soon.
return args is [HsmHost.Command] ? HsmHost.Run() : await CustodianCommand.RunAsync(args);
