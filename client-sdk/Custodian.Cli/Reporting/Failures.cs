using Custodian.Client;

namespace Custodian.Cli.Reporting;

/// <summary>What a person and a script are told about each kind of failure.</summary>
internal static class Failures
{
    internal static CommandFailedException Of(Exception error) => error switch
    {
        CommandFailedException known => known,
        OperationCanceledException => new(ExitCode.Interrupted, "interrupted", "interrupted"),
        CustodianSetException set => OfSet(set),
        _ => new(ExitCode.Failed, "failed", Wording.Of(error)),
    };

    private static CommandFailedException OfSet(CustodianSetException set) => new(
        ExitCode.Usage,
        "set",
        string.Join("\n", set.Mistakes.Select(m => $"  {m}").Prepend("the set of custodians cannot be used:")),
        "get the set file again from the app that you enrolled with");
}
