using System.Text;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>
/// The versions of the keys as a field: <c>u32 count || u32 version ...</c> of the seal keys, the same of the wrap keys, and of the audit
/// keys <c>u32 count</c> and for each <c>u32 version || u8 private half is there || lp(point)</c>; then of the keys that are not used
/// <c>u32 count</c> and for each <c>lp(label) || lp(why)</c>.
/// </summary>
internal static class InventoryField
{
    /// <summary>More versions of a key than any token comes to.</summary>
    private const uint Most = 4096;

    public static int SizeOf(KeyInventory keys) =>
        (3 * 4) + (4 * (keys.Seal.Count + keys.Wrap.Count)) + keys.Audit.Sum(key => 4 + 1 + FrameFormat.SizeOf(key.PublicKey.Length))
        + 4 + keys.Unused.Sum(key => SizeOf(key.Label) + SizeOf(key.Why));

    public static void Write(ref FrameWriter frame, KeyInventory keys)
    {
        Write(ref frame, keys.Seal);
        Write(ref frame, keys.Wrap);
        frame.U32((uint)keys.Audit.Count);
        foreach (var key in keys.Audit)
        {
            frame.U32(key.Version);
            frame.U8(key.IsPrivateThere ? (byte)1 : (byte)0);
            frame.Bytes(key.PublicKey.Span);
        }
        frame.U32((uint)keys.Unused.Count);
        foreach (var key in keys.Unused)
        {
            frame.Text(key.Label);
            frame.Text(key.Why);
        }
    }

    /// <exception cref="MalformedFrameException">It is not what <see cref="Write(ref FrameWriter, KeyInventory)"/> writes.</exception>
    public static KeyInventory Read(ref FrameReader fields)
    {
        var (seal, wrap) = (ReadVersions(ref fields), ReadVersions(ref fields));
        var audit = new AuditKey[Count(ref fields)];
        for (var i = 0; i < audit.Length; i++)
        {
            audit[i] = new AuditKey(fields.U32(), fields.Flag(), fields.Bytes(OperationRules.PointLength).ToArray());
        }
        RequireRising([.. audit.Select(key => key.Version)]);
        var unused = ReadUnused(ref fields);
        return audit.Any(key => key.IsPrivateThere)
            ? new KeyInventory(seal, wrap, audit) { Unused = unused }
            : throw new MalformedFrameException("No audit key signs.");
    }

    private static int SizeOf(string text) => FrameFormat.SizeOf(Encoding.UTF8.GetByteCount(text));

    private static UnusedKey[] ReadUnused(ref FrameReader fields)
    {
        var count = fields.U32();
        if (count > Most)
        {
            throw new MalformedFrameException("More keys that are not used than are told of.");
        }
        var unused = new UnusedKey[count];
        for (var i = 0; i < count; i++)
        {
            unused[i] = new UnusedKey(fields.Text(), fields.Text());
        }
        return unused;
    }

    private static void Write(ref FrameWriter frame, IReadOnlyList<uint> versions)
    {
        frame.U32((uint)versions.Count);
        foreach (var version in versions)
        {
            frame.U32(version);
        }
    }

    private static uint[] ReadVersions(ref FrameReader fields)
    {
        var versions = new uint[Count(ref fields)];
        for (var i = 0; i < versions.Length; i++)
        {
            versions[i] = fields.U32();
        }
        RequireRising(versions);
        return versions;
    }

    private static uint Count(ref FrameReader fields)
    {
        var count = fields.U32();
        return count is > 0 and <= Most ? count : throw new MalformedFrameException("No versions of a key, or more than there can be.");
    }

    private static void RequireRising(uint[] versions)
    {
        if (versions[0] == 0 || versions.Zip(versions.Skip(1)).Any(pair => pair.First >= pair.Second))
        {
            throw new MalformedFrameException("The versions of a key do not rise.");
        }
    }
}
