using Custodian.Node.Commands;

return await CustodianCommand.RunAsync(args);
