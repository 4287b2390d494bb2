namespace Custodian.Protocol;

/// <summary>What a signature is for (protocol.md section 10).</summary>
internal enum SignaturePurpose
{
    /// <summary>By the new record's owner key, over header_hash || H(masked_i).</summary>
    Deposit,

    /// <summary>By the owner key of an ACTIVE or SUPERSEDED record, over the new record's header_hash.</summary>
    Replace,

    /// <summary>By the record's owner key, over its header_hash.</summary>
    Activate,

    /// <summary>By the record's confirm key, over attempt_id || u64(sequence).</summary>
    Confirm,

    /// <summary>By the ACTIVE record's owner key, over the header_hash of the record to retire.</summary>
    Retire,

    /// <summary>By the record's owner key, over u8(state) || header_hash.</summary>
    Delete,
}
