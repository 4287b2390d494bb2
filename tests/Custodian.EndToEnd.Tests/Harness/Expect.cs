namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>Assertions on processes, with what the process said in the failure.</summary>
internal static class Expect
{
    internal static ProcessOutcome Success(ProcessOutcome outcome) => ExitCode(0, outcome);

    internal static ProcessOutcome ExitCode(int expected, ProcessOutcome outcome)
    {
        Assert.True(expected == outcome.ExitCode, $"exit {outcome.ExitCode}, not {expected}\n{outcome.Error}\n{outcome.Output}");
        return outcome;
    }

    /// <summary>That a process said something, on either stream.</summary>
    internal static void Says(string text, ProcessOutcome outcome) =>
        Assert.True(outcome.All.Contains(text, StringComparison.Ordinal), $"it does not say '{text}'\n{outcome.Error}\n{outcome.Output}");
}
