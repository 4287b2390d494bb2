using System.CommandLine;
using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary>What a command that talks to nodes has at hand.</summary>
internal sealed class ClientCall
{
    /// <summary>The command line.</summary>
    internal required ParseResult Parsed { get; init; }

    /// <summary>Input, output and clock.</summary>
    internal required Surroundings Surroundings { get; init; }

    /// <summary>How the command speaks.</summary>
    internal required Reporter Reporter { get; init; }

    /// <summary>Where secrets come from.</summary>
    internal required SecretInput Secrets { get; init; }

    /// <summary>The client of the set.</summary>
    internal required CustodianClient Client { get; init; }

    /// <summary>The set.</summary>
    internal CustodianSet Set => Client.Custodians;

    /// <summary>Says each step of an operation.</summary>
    internal StepLines Progress => new(Reporter);
}
