namespace Custodian.Cli;

/// <summary>All that a command touches besides files and nodes, so that a test can give its own.</summary>
internal sealed class Surroundings
{
    /// <summary>Standard input.</summary>
    internal required Stream Input { get; init; }

    /// <summary>Standard output: results only.</summary>
    internal required Stream Output { get; init; }

    /// <summary>Standard error: progress, warnings, failures.</summary>
    internal required TextWriter Messages { get; init; }

    /// <summary>Reads an environment variable; null when it is not set.</summary>
    internal required Func<string, string?> Variable { get; init; }

    /// <summary>The clock.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where a person is asked: the controlling terminal, also when input or output is redirected.</summary>
    internal string TerminalPath { get; init; } = "/dev/tty";

    /// <summary>Those of this process.</summary>
    internal static Surroundings OfProcess() => new()
    {
        Input = Console.OpenStandardInput(),
        Output = Console.OpenStandardOutput(),
        Messages = Console.Error,
        Variable = Environment.GetEnvironmentVariable,
    };
}
