namespace Custodian.Pkcs11.Tests;

/// <summary>Every small wrong a blob can suffer: each byte with each bit flipped in turn, every truncation, and bytes too many.</summary>
internal static class Mutations
{
    private const int Bits = 8;

    public static IEnumerable<byte[]> Of(byte[] blob) => Of(blob, () => Enumerable.Range(0, Bits));

    /// <summary>The same, for what asks a module about each: in a part two bits of every byte.</summary>
    public static IEnumerable<byte[]> PartOf(byte[] blob)
    {
        var draws = new Draws("bits that are flipped");
        return Effort.IsWhole ? Of(blob) : Of(blob, () => Two(draws.Next(Bits), draws.Between(1, Bits - 1)));

        static int[] Two(int one, int further) => [one, (one + further) % Bits];
    }

    private static IEnumerable<byte[]> Of(byte[] blob, Func<IEnumerable<int>> bits)
    {
        for (var i = 0; i < blob.Length; i++)
        {
            foreach (var bit in bits())
            {
                yield return Flip(blob, i, 1 << bit);
            }
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
