using System.CommandLine;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>What an operator is told of the two places where records' keys can be evaluated.</summary>
internal static class ModeAdvice
{
    private const string Name = "--evaluate-in-memory";

    private const string Cost =
        "whoever reads the memory of the process that holds the module takes the keys of the records that are evaluated meanwhile (threat-model.md)";

    /// <summary>The option that chooses the weaker place.</summary>
    internal static Option<bool> Option() => new(Name)
    {
        Description = "for an HSM that derives no raw ECDH: a record's key is sealed by the HSM, and is in this machine's memory, in the clear, "
            + "for the time of each evaluation. Chosen once, for good. Default: in the HSM, which the key leaves only wrapped",
    };

    /// <summary>One line for <c>init</c> and <c>status</c>.</summary>
    internal static string Said(EvaluationMode mode) => mode == EvaluationMode.Memory
        ? $"{mode.Words()}: {Cost}"
        : $"{mode.Words()}, which records' keys leave only wrapped";

    /// <summary>What follows a refusal of a module that lacks what only one of the places needs.</summary>
    internal static string Instead() => $"a node can do without that: 'custodian init {Name}' makes one, and then {Cost}";

    /// <summary>For a command that names another place than the node has.</summary>
    internal static string Decided(EvaluationMode mode) =>
        $"this node evaluates {mode.Words()}, as it was made to; leave out {Name}";

    /// <summary>For a command that is given the wrap key of a node that evaluates in memory.</summary>
    internal const string NoWrapKey =
        "this node evaluates in memory, and has no wrap key: its records' keys are under its seal key alone, of which 'custodian keys rotate --purpose seal' "
        + "makes the next; nothing was changed";

    /// <summary>For a token that has the keys that a node uses that evaluates in memory, and no others.</summary>
    internal static string KeysOfOther() => $"; a node that evaluates in memory needs no more: if this token had one, say {Name}";
}
