namespace Custodian.Node.Commands;

/// <summary>What <c>custodian</c> exits with.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    internal const int Done = 0;

    /// <summary>It could not be done; the message says why.</summary>
    internal const int Failed = 1;

    /// <summary>The command line or the configuration is wrong; one message per mistake.</summary>
    internal const int Usage = 2;

    /// <summary>The thing asked for is not there.</summary>
    internal const int NotFound = 3;

    /// <summary>The node does not answer, or is not ready.</summary>
    internal const int NotReady = 4;

    /// <summary>Something in the database is not as the node left it, or the HSM is not what a node needs; every finding is named.</summary>
    internal const int Findings = 5;
}
