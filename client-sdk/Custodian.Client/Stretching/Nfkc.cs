using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Custodian.Client;

/// <summary>
/// Unicode normalisation form KC by the platform, believed only after it was seen to work: in .NET's invariant globalization mode it
/// returns every text unchanged and reports success.
/// </summary>
/// <param name="transform">The platform's normalisation, or another in its place.</param>
internal sealed class Nfkc(Nfkc.Transform transform)
{
    /// <summary>Writes the normalised <paramref name="source"/>, or returns false when <paramref name="destination"/> is too short.</summary>
    internal delegate bool Transform(ReadOnlySpan<char> source, Span<char> destination, out int written);

    private readonly Lazy<bool> _works = new(() => Probe(transform), LazyThreadSafetyMode.PublicationOnly);

    /// <summary>What this process has.</summary>
    internal static Nfkc Platform { get; } = new(
        static (source, destination, out written) => source.TryNormalize(destination, out written, NormalizationForm.FormKC));

    /// <summary>Whether it normalises: a ligature, a sign that is another letter, a letter with its accent, and Hangul.</summary>
    internal bool Works => _works.Value;

    /// <summary>
    /// The normalised text in pinned memory, which the caller zeroes; the text is its first <paramref name="length"/> characters.
    /// </summary>
    internal char[] Normalise(ReadOnlySpan<char> source, out int length)
    {
        for (int size = source.Length; ; size *= 2)
        {
            char[] normalised = GC.AllocateArray<char>(size, pinned: true);
            if (transform(source, normalised, out length))
            {
                return normalised;
            }

            Zero(normalised);
        }
    }

    /// <summary>Overwrites characters with zeros.</summary>
    internal static void Zero(Span<char> characters) =>
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(characters));

    private static bool Probe(Transform transform) =>
        Gives(transform, "\uFB01", "fi") && Gives(transform, "\u212B", "\u00C5")
        && Gives(transform, "e\u0301", "\u00E9") && Gives(transform, "\u1112\u1161\u11AB", "\uD55C");

    private static bool Gives(Transform transform, string source, string expected)
    {
        Span<char> normalised = stackalloc char[8];
        try
        {
            return transform(source, normalised, out int written) && normalised[..written].SequenceEqual(expected);
        }
        catch (PlatformNotSupportedException)
        {
            return false;
        }
    }
}
