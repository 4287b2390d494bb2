using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Custodian.Protocol;

/// <summary>
/// What an envelope holds (protocol.md section 12, <c>SecretPayload</c>): the user's private key, what it is, and former owner keys. It is
/// encoded and decoded here and not by the generated message, whose byte strings are unpinned and never zeroed. Pinned, and zeroed on
/// dispose, the former owner keys included.
/// </summary>
internal sealed class EnvelopePayload : IDisposable
{
    private readonly byte[] _secret;

    /// <summary>Copies a secret; takes over the former owner keys.</summary>
    /// <param name="secret">The user's private key, any bytes.</param>
    /// <param name="contentType">A media type that says how to read the secret; may be empty.</param>
    /// <param name="label">The user's name for it; may be empty.</param>
    /// <param name="formerOwners">Owner keys of earlier records.</param>
    internal EnvelopePayload(ReadOnlySpan<byte> secret, string contentType, string label, ImmutableArray<FormerOwnerKey> formerOwners)
    {
        _secret = Pinned.Copy(secret);
        ContentType = contentType;
        Label = label;
        FormerOwners = formerOwners;
    }

    /// <summary>The user's private key; zeros after dispose.</summary>
    internal ReadOnlySpan<byte> Secret => _secret;

    /// <summary>A media type that says how to read the secret.</summary>
    internal string ContentType { get; }

    /// <summary>The user's name for the secret.</summary>
    internal string Label { get; }

    /// <summary>Owner keys of earlier records.</summary>
    internal ImmutableArray<FormerOwnerKey> FormerOwners { get; }

    /// <summary>
    /// Reads a serialised payload, as proto3 says: fields in any order, the last of a repeated single one counts, unknown ones are ignored.
    /// An entry of former owners that is not a record_id and a scalar is left out: no mistake in it may cost the user the secret. False for
    /// bytes that are no message, text that is not UTF-8, and groups, which proto3 cannot write.
    /// </summary>
    internal static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out EnvelopePayload? payload) =>
        PayloadParser.TryParse(bytes, out payload);

    /// <summary>
    /// The serialised payload, as the generated message would write it, in a pinned buffer of exactly its size, which the caller zeroes.
    /// </summary>
    /// <exception cref="ArgumentException">A text has unpaired surrogates, or there are more than 8 former owners.</exception>
    internal byte[] Serialize()
    {
        if (FormerOwners.Length > Limits.MaxFormerOwners)
        {
            throw new ArgumentException($"a payload holds at most {Limits.MaxFormerOwners} former owners");
        }

        return PayloadWriter.Write(this);
    }

    /// <summary>Zeroes the secret and the former owner keys.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_secret);
        foreach (FormerOwnerKey former in FormerOwners)
        {
            former.Dispose();
        }
    }

    /// <summary>Never the secret.</summary>
    public override string ToString() => "[envelope payload]";
}
