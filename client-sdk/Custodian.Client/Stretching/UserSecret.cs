using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Custodian.Client;

/// <summary>The user's secret: its one form on all devices, and its stretching (protocol.md section 5).</summary>
/// <remarks>
/// What the user typed is visible in the time this takes: its length, and which characters are not ASCII. It runs on the user's device,
/// before anything is sent.
/// </remarks>
internal static class UserSecret
{
    /// <summary>Length of a stretched secret in bytes.</summary>
    internal const int StretchedSize = 32;

    /// <summary>The secret in normalisation form KC, as UTF-8.</summary>
    /// <param name="secret">What the user typed; the caller zeroes it.</param>
    /// <param name="utf8">The result, for the caller to dispose; null when refused.</param>
    /// <param name="problem">Why it is refused, else <see cref="SecretProblem.None"/>.</param>
    /// <returns>Whether the secret is accepted.</returns>
    internal static bool TryNormalise(ReadOnlySpan<char> secret, [NotNullWhen(true)] out SecretBytes? utf8, out SecretProblem problem) =>
        TryNormalise(secret, Nfkc.Platform, out utf8, out problem);

    /// <summary>The same with a given normalisation.</summary>
    internal static bool TryNormalise(
        ReadOnlySpan<char> secret, Nfkc nfkc, [NotNullWhen(true)] out SecretBytes? utf8, out SecretProblem problem)
    {
        problem = FindProblem(secret, nfkc);
        utf8 = problem != SecretProblem.None ? null
            : Ascii.IsValid(secret) ? ToUtf8(secret)
            : NormaliseToUtf8(secret, nfkc);
        return utf8 is not null;
    }

    /// <summary>Stretches a normalised secret with Argon2id to 32 bytes. Takes the memory and the time that the parameters ask for.</summary>
    /// <param name="utf8">A secret from <see cref="TryNormalise(ReadOnlySpan{char}, out SecretBytes?, out SecretProblem)"/>.</param>
    /// <param name="salt">16 to 64 bytes.</param>
    /// <param name="memoryKib">Memory in KiB, 19456 to 1048576.</param>
    /// <param name="iterations">Passes, 1 to 16.</param>
    /// <param name="parallelism">Lanes, 1 to 16.</param>
    /// <param name="cancellation">Looked at between slices, 4 for each pass.</param>
    /// <returns>The stretched secret S, for the caller to dispose.</returns>
    /// <exception cref="ArgumentException">A parameter is outside its range: a client refuses to use it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; all memory was zeroed before.</exception>
    /// <exception cref="OutOfMemoryException">The system has not got as much memory.</exception>
    internal static SecretBytes Stretch(
        SecretBytes utf8, ReadOnlySpan<byte> salt, int memoryKib, int iterations, int parallelism, CancellationToken cancellation = default)
    {
        ThrowIfOutside(salt.Length, 16, 64);
        ThrowIfOutside(memoryKib, 19456, 1048576);
        ThrowIfOutside(iterations, 1, 16);
        ThrowIfOutside(parallelism, 1, 16);
        SecretBytes stretched = SecretBytes.Allocate(StretchedSize);
        try
        {
            Argon2id.Derive(utf8.Span, salt, memoryKib, iterations, parallelism, stretched.Span, cancellation);
            return stretched;
        }
        catch
        {
            stretched.Dispose();
            throw;
        }
    }

    private static void ThrowIfOutside(
        int value, int lowest, int highest, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value < lowest || value > highest)
        {
            throw new ArgumentOutOfRangeException(name, value, $"stretching takes {lowest} to {highest}");
        }
    }

    private static SecretProblem FindProblem(ReadOnlySpan<char> secret, Nfkc nfkc)
    {
        if (secret.IsEmpty)
        {
            return SecretProblem.Empty;
        }

        SecretProblem problem = FindBadCodePoint(secret);
        return problem == SecretProblem.None && !Ascii.IsValid(secret) && !nfkc.Works ? SecretProblem.NormalisationUnavailable : problem;
    }

    private static SecretProblem FindBadCodePoint(ReadOnlySpan<char> secret)
    {
        while (!secret.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(secret, out Rune rune, out int consumed) != OperationStatus.Done)
            {
                return SecretProblem.UnpairedSurrogate;
            }

            // Noncharacters are of this category too.
            if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.OtherNotAssigned)
            {
                return SecretProblem.UnassignedCodePoint;
            }

            secret = secret[consumed..];
        }

        return SecretProblem.None;
    }

    private static SecretBytes NormaliseToUtf8(ReadOnlySpan<char> secret, Nfkc nfkc)
    {
        char[] normalised = nfkc.Normalise(secret, out int length);
        try
        {
            return ToUtf8(normalised.AsSpan(0, length));
        }
        finally
        {
            Nfkc.Zero(normalised);
        }
    }

    private static SecretBytes ToUtf8(ReadOnlySpan<char> text)
    {
        SecretBytes utf8 = SecretBytes.Allocate(Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, utf8.Span);
        return utf8;
    }
}
