using Custodian.Pkcs11.Sealing;

namespace Custodian.Pkcs11;

/// <summary>The key versions that a sealed blob names, in the clear and authenticated when it is opened.</summary>
/// <param name="Seal">The seal key's version.</param>
/// <param name="Wrap">The wrap key's version; null for a blob that holds no wrapped key, as none does of a node that evaluates in memory.</param>
public readonly record struct BlobVersions(uint Seal, uint? Wrap)
{
    /// <summary>How many bytes of a blob are enough for <see cref="TryRead"/>.</summary>
    public const int HeaderLength = BlobHeader.MaxLength;

    /// <summary>Reads what a blob names, without opening it.</summary>
    /// <param name="blob">The blob, or its first <see cref="HeaderLength"/> bytes.</param>
    /// <param name="versions">What it names.</param>
    /// <returns>false for bytes that no blob begins with.</returns>
    public static bool TryRead(ReadOnlySpan<byte> blob, out BlobVersions versions)
    {
        versions = default;
        return EvaluationModes.TryRead(blob, out var mode) && BlobHeader.TryRead(mode, (BlobRole)blob[1], blob, out versions);
    }

    /// <summary>Whether bytes that <see cref="TryRead"/> reads begin a blob that holds a record's key, and none of the node's own secrets.</summary>
    /// <param name="blob">The same bytes.</param>
    public static bool AreOfRecord(ReadOnlySpan<byte> blob) => blob.Length > 1 && BlobHeader.IsOfRecordKey((BlobRole)blob[1]);
}
