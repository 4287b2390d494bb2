using Custodian.Cli;
using Custodian.Cli.Commands;

return await CustodyCommand.RunAsync(args, Surroundings.OfProcess());
