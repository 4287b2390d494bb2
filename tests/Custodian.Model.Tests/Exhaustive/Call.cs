using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Model.Tests.Exhaustive;

internal enum CallKind
{
    Describe,
    Prepare,
    Deposit,
    Activate,
    Evaluate,
    Confirm,
    Retire,
    Delete,
}

/// <summary>A call as a client sends it.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Record">The record acted on.</param>
/// <param name="Under">Whose owner key signs a Retire or the replacement of a Deposit.</param>
/// <param name="Displaced">The PENDING record that a Deposit names.</param>
/// <param name="Believed">The state that a Delete is signed for.</param>
/// <param name="Attempt">Who attempts.</param>
/// <param name="Sequence">What a Confirm is for.</param>
internal sealed record Call(
    CallKind Kind, Paper? Record = null, Paper? Under = null, Paper? Displaced = null, RecordState Believed = default, string? Attempt = null,
    ulong Sequence = 0)
{
    public override string ToString() =>
        $"{Kind} {Record}{(Under is null ? "" : $" under the key of {Under}")}{(Displaced is null ? "" : $", displacing {Displaced}")}"
        + $"{(Believed == default ? "" : $" as {Believed}")}{(Sequence == 0 ? "" : $" of attempt {Sequence}")}".TrimEnd();
}

/// <summary>What a node answers.</summary>
/// <param name="Refused">Why not; null for an answer.</param>
/// <param name="State">The record's state, where the answer has one.</param>
/// <param name="Sequence">The sequence of an Evaluate.</param>
/// <param name="Shown">What a Describe shows: the account's number.</param>
internal sealed record Reply(RefusalReason? Refused, RecordState State = default, ulong Sequence = 0, int Shown = -1);
