using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// The name of one account at one set (protocol.md section 3):
/// <c>H("custodian/v1 account" || lp(set_id) || lp(issuer) || lp(subject))</c>, 32 bytes.
/// </summary>
public readonly record struct AccountId
{
    /// <summary>Length in bytes.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    [InlineArray(Size)]
    private struct Bytes
    {
        private byte _first;
    }

    private readonly Bytes _bytes;

    private AccountId(ReadOnlySpan<byte> bytes) => bytes.CopyTo(_bytes);

    /// <summary>The account of a token's issuer and subject at a set.</summary>
    /// <exception cref="System.Text.EncoderFallbackException">A text has unpaired surrogates, which have no form in UTF-8.</exception>
    public static AccountId Derive(SetId set, string issuer, string subject) =>
        new(new LengthPrefixed("custodian/v1 account").Lp(set.Value).Lp(issuer).Lp(subject).Sha256());

    /// <summary>Reads an account name of exactly 32 bytes. Returns false for any other length.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out AccountId id)
    {
        bool fits = bytes.Length == Size;
        id = fits ? new AccountId(bytes) : default;
        return fits;
    }

    /// <summary>The 32 bytes, in a new array.</summary>
    public byte[] ToArray() => ((ReadOnlySpan<byte>)_bytes).ToArray();

    /// <summary>Writes the 32 bytes.</summary>
    /// <exception cref="ArgumentException">The destination is shorter than 32 bytes.</exception>
    public void CopyTo(Span<byte> destination) => ((ReadOnlySpan<byte>)_bytes).CopyTo(destination);

    /// <inheritdoc/>
    public bool Equals(AccountId other) => ((ReadOnlySpan<byte>)_bytes).SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(_bytes);
}
