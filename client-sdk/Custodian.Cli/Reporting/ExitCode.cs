namespace Custodian.Cli.Reporting;

/// <summary>What <c>custody</c> exits with. Scripts rely on these numbers: they are added to, never changed.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    internal const int Done = 0;

    /// <summary>A failure that has no number of its own.</summary>
    internal const int Failed = 1;

    /// <summary>The command line, the set file or an input cannot be used; no attempt was spent.</summary>
    internal const int Usage = 2;

    /// <summary>The secret was wrong; each node that was asked has counted it.</summary>
    internal const int WrongSecret = 3;

    /// <summary>No attempt is free now: a delay is running, or all attempts are used.</summary>
    internal const int Locked = 4;

    /// <summary>Too few nodes answered.</summary>
    internal const int TooFewNodes = 5;

    /// <summary>Tokens were missing or rejected, so that too few nodes were left.</summary>
    internal const int TokenRefused = 6;

    /// <summary>The account has no record.</summary>
    internal const int NoRecord = 7;

    /// <summary>The account already has a record that this call may not replace, or another device is changing it.</summary>
    internal const int Conflict = 8;

    /// <summary>
    /// The output file exists or cannot be written. Before the secret is asked for, no attempt was spent; a recovered key that could not be
    /// written is still kept. An owner key that could not be written is a warning beside the result: the record stands.
    /// </summary>
    internal const int Output = 9;

    /// <summary>Interrupted from the keyboard or by SIGTERM; the number is the shell's for SIGINT.</summary>
    internal const int Interrupted = 130;

    /// <summary>The numbers in words, for <c>--help</c>.</summary>
    internal const string Help = """
        Exit status:
            0  done
            1  failed for a reason without a number of its own
            2  the command line, the set file or an input cannot be used; no attempt was spent
            3  wrong secret; the message says how many attempts are left
            4  locked: a delay is running, or all attempts are used; the message says until when
            5  too few nodes answered; the message says why, node by node
            6  tokens were missing or rejected
            7  no key is enrolled for this account
            8  conflict: a key is enrolled already, or another device is changing it now
            9  the output file exists or cannot be written; nothing was changed, and the key is still kept. An owner key that could
               not be written after a success is a warning, with exit status 0
          130  interrupted
        """;
}
