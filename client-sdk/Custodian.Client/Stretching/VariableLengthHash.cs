using System.Security.Cryptography;

namespace Custodian.Client;

/// <summary>The hash H' of Argon2 (RFC 9106 section 3.3): BLAKE2b stretched to any length.</summary>
internal static class VariableLengthHash
{
    private const int Half = Blake2b.MaxDigestSize / 2;

    /// <summary>Fills <paramref name="output"/>, 1 byte or more; its length is part of what is hashed.</summary>
    internal static void Hash(ReadOnlySpan<byte> input, Span<byte> output)
    {
        if (output.Length <= Blake2b.MaxDigestSize)
        {
            HashWithLength(input, output.Length, output);
            return;
        }

        Span<byte> link = stackalloc byte[Blake2b.MaxDigestSize];
        HashWithLength(input, output.Length, link);
        while (output.Length > Blake2b.MaxDigestSize)
        {
            link[..Half].CopyTo(output);
            output = output[Half..];
            Blake2b.Hash(link, link[..Math.Min(output.Length, Blake2b.MaxDigestSize)]);
        }

        link[..output.Length].CopyTo(output);
        CryptographicOperations.ZeroMemory(link);
    }

    private static void HashWithLength(ReadOnlySpan<byte> input, int length, Span<byte> digest)
    {
        using var hash = new Blake2b(digest.Length);
        hash.Append(length);
        hash.Append(input);
        hash.Finish(digest);
    }
}
