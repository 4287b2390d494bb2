using System.Security.Cryptography;
using Custodian.Protocol.Wire;

namespace Custodian.Protocol;

/// <summary>The <c>body</c> of each purpose in the table of protocol.md section 10.</summary>
internal static class SignatureBody
{
    /// <summary><c>header_hash || H(masked_i)</c>.</summary>
    internal static byte[] Deposit(ReadOnlySpan<byte> headerHash, ReadOnlySpan<byte> maskedShare) =>
        new LengthPrefixed().Raw(Hash(headerHash)).Raw(SHA256.HashData(maskedShare)).ToArray();

    /// <summary><c>header_hash</c> of the new record.</summary>
    internal static byte[] Replace(ReadOnlySpan<byte> headerHash) => Hash(headerHash).ToArray();

    /// <summary><c>header_hash</c>.</summary>
    internal static byte[] Activate(ReadOnlySpan<byte> headerHash) => Hash(headerHash).ToArray();

    /// <summary><c>attempt_id || u64(sequence)</c>.</summary>
    internal static byte[] Confirm(AttemptId attempt, ulong sequence) =>
        new LengthPrefixed().Raw(attempt.ToArray()).U64(sequence).ToArray();

    /// <summary><c>header_hash</c> of the record to retire.</summary>
    internal static byte[] Retire(ReadOnlySpan<byte> headerHash) => Hash(headerHash).ToArray();

    /// <summary><c>u8(state) || header_hash</c>, with the state that the client believes the record is in.</summary>
    internal static byte[] Delete(RecordState state, ReadOnlySpan<byte> headerHash) =>
        new LengthPrefixed().U8(checked((byte)state)).Raw(Hash(headerHash)).ToArray();

    private static ReadOnlySpan<byte> Hash(ReadOnlySpan<byte> headerHash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(headerHash.Length, SHA256.HashSizeInBytes, nameof(headerHash));
        return headerHash;
    }
}
