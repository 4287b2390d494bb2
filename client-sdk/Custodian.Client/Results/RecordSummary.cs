using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What a record's header says to everyone who may see it.</summary>
/// <param name="Id">The record's name.</param>
/// <param name="Generation">1 for the user's first record, higher for each next.</param>
/// <param name="Created">When the device that made it said it did; null when that is no date.</param>
/// <param name="Threshold">How many nodes recover it.</param>
/// <param name="MaxAttempts">How many wrong secrets in a row it takes.</param>
/// <param name="Participants">The nodes that have a share of it.</param>
public sealed record RecordSummary(
    RecordId Id, ulong Generation, DateTimeOffset? Created, int Threshold, int MaxAttempts, ImmutableArray<NodeId> Participants)
{
    internal static RecordSummary Of(Header header) => new(
        header.RecordId,
        header.Generation,
        header.CreatedUnixMs is >= 0 and < 253_402_300_800_000 ? DateTimeOffset.FromUnixTimeMilliseconds(header.CreatedUnixMs) : null,
        header.Threshold,
        header.MaxAttempts,
        [.. header.Participants.Select(p => p.Node)]);
}

/// <summary>The live states of a record (protocol.md section 11).</summary>
public enum RecordState
{
    /// <summary>Stored, not yet in effect everywhere.</summary>
    Pending = 1,

    /// <summary>In effect.</summary>
    Active = 2,

    /// <summary>Replaced, and kept until enough nodes have the new record.</summary>
    Superseded = 3,
}

/// <summary>A record as one node shows it.</summary>
/// <param name="Record">What its header says.</param>
/// <param name="State">Its state at that node.</param>
/// <param name="AttemptsLeft">How many attempts are left at that node.</param>
/// <param name="Delay">How long the next attempt has to wait at that node; zero for not at all.</param>
public sealed record RecordAtNode(RecordSummary Record, RecordState State, int AttemptsLeft, TimeSpan Delay);
