using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What a caller wants kept: a copy of the key in pinned memory, and what stands beside it. Zeroed on dispose.</summary>
internal sealed class KeyMaterial : IDisposable
{
    /// <summary>
    /// The most that former owner keys add to a payload, kept free so that a key that was enrolled once can always be changed.
    /// </summary>
    private const int FormerOwnersReserve = Limits.MaxFormerOwners * (2 + 2 + RecordId.Size + 2 + P256.WordSize);

    private readonly SecretBytes _key;

    private KeyMaterial(ReadOnlySpan<byte> key, EnrollOptions options)
    {
        _key = new SecretBytes(key);
        Options = options;
    }

    internal EnrollOptions Options { get; }

    /// <summary>Copies the key and checks that a record can hold it.</summary>
    /// <exception cref="ArgumentException">The key is empty, or a text is not text.</exception>
    /// <exception cref="KeyTooLargeException">It cannot.</exception>
    internal static KeyMaterial Copy(ReadOnlySpan<byte> key, EnrollOptions? options)
    {
        if (key.IsEmpty)
        {
            throw new ArgumentException("the key is empty: there is nothing to keep", nameof(key));
        }

        // Before the copy: nothing is gained by pinning a gigabyte first.
        if (key.Length > Limits.MaxEnvelopeSize)
        {
            throw new KeyTooLargeException(key.Length - Limits.MaxPayloadSize + FormerOwnersReserve);
        }

        KeyMaterial material = new(key, options ?? new EnrollOptions());
        try
        {
            material.ThrowIfTooLarge();
            return material;
        }
        catch
        {
            material.Dispose();
            throw;
        }
    }

    /// <summary>The payload of an envelope, serialised and pinned, which the caller zeroes.</summary>
    internal byte[] Serialise(ImmutableArray<FormerOwnerKey> formerOwners)
    {
        // The payload takes the former keys over, and zeroes them with itself.
        using EnvelopePayload payload = new(_key.Span, Options.ContentType, Options.Label, formerOwners);
        return payload.Serialize();
    }

    public void Dispose() => _key.Dispose();

    private void ThrowIfTooLarge()
    {
        byte[] serialised = Serialise([]);
        int excess = serialised.Length + FormerOwnersReserve - Limits.MaxPayloadSize;
        CryptographicOperations.ZeroMemory(serialised);
        if (excess > 0)
        {
            throw new KeyTooLargeException(excess);
        }
    }
}
