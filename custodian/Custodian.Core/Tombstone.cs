using Custodian.Protocol;

namespace Custodian.Core;

/// <summary>Why a record was destroyed. The values are stored: never renumber.</summary>
internal enum DestroyReason : byte
{
    /// <summary>A PENDING record gave way to a newer one.</summary>
    Replaced = 1,

    /// <summary>A SUPERSEDED record was retired under the ACTIVE record's owner key.</summary>
    Retired = 2,

    /// <summary>The record, or the ACTIVE record of its account, was deleted under its owner key.</summary>
    Deleted = 3,

    /// <summary>The node's operator destroyed the account.</summary>
    DestroyedByOperator = 4,
}

/// <summary>What stays of a destroyed record: no key material (protocol.md section 11).</summary>
internal sealed record Tombstone(RecordId Id, ulong Generation, DestroyReason Reason);
