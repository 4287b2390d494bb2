using System.Text;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>
/// The keys of a token as a field: those that are fit and those in use, each as <see cref="TokenKeysField"/> writes them, and of those
/// that are not used <c>u32 count</c> and for each <c>lp(label) || lp(why)</c>.
/// </summary>
internal static class InventoryField
{
    /// <summary>More than are told of.</summary>
    private const uint Most = 4096;

    public static int SizeOf(KeyInventory keys) =>
        TokenKeysField.SizeOf(keys.Fit) + TokenKeysField.SizeOf(keys.InUse) + 4 + keys.Unused.Sum(key => SizeOf(key.Label) + SizeOf(key.Why));

    public static void Write(ref FrameWriter frame, KeyInventory keys)
    {
        TokenKeysField.Write(ref frame, keys.Fit);
        TokenKeysField.Write(ref frame, keys.InUse);
        frame.U32((uint)keys.Unused.Count);
        foreach (var key in keys.Unused)
        {
            frame.Text(key.Label);
            frame.Text(key.Why);
        }
    }

    /// <exception cref="MalformedFrameException">It is not what <see cref="Write"/> writes.</exception>
    public static KeyInventory Read(ref FrameReader fields)
    {
        var (fit, used) = (TokenKeysField.Read(ref fields), TokenKeysField.Read(ref fields));

        // A node that evaluates in memory has no wrap key at all; any other uses one of those it has.
        KeyPurpose[] purposes = fit.Any(key => key.Purpose == KeyPurpose.Wrap)
            ? [KeyPurpose.Seal, KeyPurpose.Wrap, KeyPurpose.Audit]
            : [KeyPurpose.Seal, KeyPurpose.Audit];
        if (used.Length > 0 && !used.Select(key => key.Purpose).Order().SequenceEqual(purposes))
        {
            throw new MalformedFrameException("The keys in use are not one of each purpose.");
        }
        if (used.Any(key => key.Purpose == KeyPurpose.Audit && key.Identity.Length != 2 * OperationRules.PointLength))
        {
            throw new MalformedFrameException("An audit key in use has no point.");
        }
        return used.All(fit.Contains)
            ? new KeyInventory(fit, used) { Unused = ReadUnused(ref fields) }
            : throw new MalformedFrameException("A key in use is not among those that are fit.");
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
}
