using System.Buffers.Binary;

namespace Custodian.Pkcs11.Sealing;

/// <summary>What a blob was sealed for. A blob opens in its own role only.</summary>
internal enum BlobRole : byte
{
    /// <summary>A prepared key on its way through the client.</summary>
    PreparedKey = 1,

    /// <summary>A record's secret part.</summary>
    Record = 2,

    /// <summary>A secret of the node itself.</summary>
    NodeSecret = 3,
}

/// <summary>
/// The bytes before a blob's IV:
/// <c>u8 format(1) || u8 role || u8 seal mechanism || u8 wrap mechanism || u32 seal key version [|| u32 wrap key version]</c>.
/// The wrap version stands only in roles that hold a wrapped key. Where keys are evaluated in memory none is wrapped, and the wrap mechanism
/// of every role says that. The header is authenticated: it is part of the AAD.
/// </summary>
internal static class BlobHeader
{
    public const byte Format = 1;

    /// <summary>AES-256-GCM, 12-byte IV, 16-byte tag.</summary>
    public const byte SealMechanism = 1;

    public const byte NoWrapMechanism = 0;

    /// <summary>RFC 5649, AES key wrap with padding, whatever the module calls it.</summary>
    public const byte WrapMechanism = 1;

    /// <summary>A record's key is sealed as it is, and evaluated in memory.</summary>
    public const byte InMemory = 2;

    public const int MaxLength = 12;

    public static int Length(EvaluationMode mode, BlobRole role) => HasWrappedKey(mode, role) ? 12 : 8;

    /// <param name="mode">Where the key of its record is evaluated.</param>
    /// <param name="role">What the blob is for.</param>
    /// <param name="versions">The keys it is under; a wrap version exactly where it holds a wrapped key.</param>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    public static void Write(EvaluationMode mode, BlobRole role, BlobVersions versions, Span<byte> destination)
    {
        WriteForm(mode, role, destination);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], versions.Seal);
        if (HasWrappedKey(mode, role))
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[8..], versions.Wrap!.Value);
        }
    }

    /// <summary>Reads the versions from a blob of a mode and role; false when it starts with no header of these.</summary>
    public static bool TryRead(EvaluationMode mode, BlobRole role, ReadOnlySpan<byte> blob, out BlobVersions versions)
    {
        versions = default;
        Span<byte> form = stackalloc byte[4];
        WriteForm(mode, role, form);
        if (!Enum.IsDefined(role) || blob.Length < Length(mode, role) || !blob.StartsWith(form))
        {
            return false;
        }
        var wrap = HasWrappedKey(mode, role) ? BinaryPrimitives.ReadUInt32BigEndian(blob[8..]) : default(uint?);
        versions = new BlobVersions(BinaryPrimitives.ReadUInt32BigEndian(blob[4..]), wrap);
        return versions is { Seal: > 0, Wrap: null or > 0 };
    }

    /// <summary>Whether a role is of a record's key, wrapped or not.</summary>
    public static bool IsOfRecordKey(BlobRole role) => role is BlobRole.PreparedKey or BlobRole.Record;

    private static void WriteForm(EvaluationMode mode, BlobRole role, Span<byte> destination)
    {
        destination[0] = Format;
        destination[1] = (byte)role;
        destination[2] = SealMechanism;
        destination[3] = Mechanism(mode, role);
    }

    /// <summary>Whether a blob begins as those of a mode do, whatever its role and key versions.</summary>
    public static bool IsOf(EvaluationMode mode, ReadOnlySpan<byte> blob) =>
        blob.Length > 3
        && blob[0] == Format
        && Enum.IsDefined((BlobRole)blob[1])
        && blob[2] == SealMechanism
        && blob[3] == Mechanism(mode, (BlobRole)blob[1]);

    private static byte Mechanism(EvaluationMode mode, BlobRole role) =>
        mode == EvaluationMode.Memory ? InMemory : HasWrappedKey(mode, role) ? WrapMechanism : NoWrapMechanism;

    private static bool HasWrappedKey(EvaluationMode mode, BlobRole role) =>
        mode == EvaluationMode.Hsm && IsOfRecordKey(role);
}
