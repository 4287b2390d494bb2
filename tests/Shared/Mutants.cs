namespace Custodian.Testing;

/// <summary>Bytes that were sound before something happened to them: the same for every run of a seed.</summary>
internal static class Mutants
{
    /// <summary>One to four changes each: bits flipped, bytes set, removed, put in or repeated, and ends cut off.</summary>
    /// <param name="good">What is changed.</param>
    /// <param name="count">How many.</param>
    /// <param name="purpose">See <see cref="Draws"/>.</param>
    internal static IEnumerable<byte[]> Of(byte[] good, int count, string purpose)
    {
        var draws = new Draws(purpose);
        for (int i = 0; i < count; i++)
        {
            byte[] bytes = good;
            for (int changes = draws.Between(1, 4); changes > 0 && bytes.Length > 0; changes--)
            {
                bytes = Change(bytes, draws);
            }

            yield return bytes;
        }
    }

    /// <summary>The same of a text, whose characters are below U+0100.</summary>
    internal static IEnumerable<string> OfText(string good, int count, string purpose) =>
        Of(System.Text.Encoding.Latin1.GetBytes(good), count, purpose).Select(System.Text.Encoding.Latin1.GetString);

    private static byte[] Change(byte[] bytes, Draws draws)
    {
        int at = draws.Next(bytes.Length);
        int end = draws.Between(at, Math.Min(bytes.Length, at + 40));
        return draws.Next(7) switch
        {
            0 => [.. bytes[..at], (byte)(bytes[at] ^ (1 << draws.Next(8))), .. bytes[(at + 1)..]],
            1 => [.. bytes[..at], draws.Pick<byte>([0, 1, 0x7f, 0x80, 0xff]), .. bytes[(at + 1)..]],
            2 => [.. bytes[..at], .. bytes[end..]],
            3 => [.. bytes[..end], .. bytes[at..]],
            4 => [.. bytes[..at], .. draws.Bytes(draws.Between(1, 5)), .. bytes[at..]],
            5 => [.. bytes[..at], draws.Pick("{}[]\",:.0-9e\\ \n=\""u8.ToArray()), .. bytes[(at + 1)..]],
            _ => bytes[..at],
        };
    }
}
