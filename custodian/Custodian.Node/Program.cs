using Custodian.Node.Commands;

return await CustodianCommand.Build().Parse(args).InvokeAsync();
