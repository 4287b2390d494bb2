namespace Custodian.Pkcs11.Tests;

/// <summary>Every small wrong a blob can suffer: each byte with each bit flipped in turn, every truncation, and bytes too many.</summary>
internal static class Mutations
{
    public static IEnumerable<byte[]> Of(byte[] blob)
    {
        for (var i = 0; i < blob.Length; i++)
        {
            yield return Flip(blob, i, 1 << (i % 8));
            yield return Flip(blob, i, 0x80 >> (i % 8));
            yield return blob[..i];
        }
        yield return [.. blob, 0];
        yield return [0, .. blob];
        yield return [.. blob, .. blob];
        yield return new byte[blob.Length];
        yield return new byte[70000];
    }

    private static byte[] Flip(byte[] blob, int index, int bit)
    {
        var flipped = (byte[])blob.Clone();
        flipped[index] ^= (byte)bit;
        return flipped;
    }
}
