using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Secrets;

/// <summary>What a person typed as a secret: characters in pinned memory, zeroed by <see cref="Dispose"/>, never in a string.</summary>
[DebuggerDisplay("[secret]")]
internal sealed class SecretText : IDisposable
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly char[] _characters;
    private readonly int _length;

    private SecretText(char[] characters, int length) => (_characters, _length) = (characters, length);

    /// <summary>The characters, not to be kept past <see cref="Dispose"/>.</summary>
    internal ReadOnlySpan<char> Span => _characters.AsSpan(0, _length);

    /// <summary>Decodes a secret; the bytes stay the caller's to zero.</summary>
    /// <exception cref="CommandFailedException">The bytes are not UTF-8, or there are none.</exception>
    internal static SecretText Decode(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty)
        {
            throw CommandFailedException.Usage("the secret is empty", "a secret has at least one character");
        }

        // A byte of UTF-8 is never more than one UTF-16 unit.
        char[] characters = GC.AllocateArray<char>(utf8.Length, pinned: true);
        try
        {
            return new SecretText(characters, StrictUtf8.GetChars(utf8, characters));
        }
        catch (DecoderFallbackException)
        {
            Zero(characters);
            throw CommandFailedException.Usage("the secret is not UTF-8", "set the terminal, or the program that writes it, to UTF-8");
        }
    }

    /// <summary>Whether both are the same characters, in a time that depends on their lengths only.</summary>
    internal bool FixedTimeEquals(SecretText other) =>
        CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(Span), MemoryMarshal.AsBytes(other.Span));

    /// <summary>Always <c>[secret]</c>.</summary>
    public override string ToString() => "[secret]";

    /// <summary>Zeroes the characters.</summary>
    public void Dispose() => Zero(_characters);

    private static void Zero(Span<char> characters) => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(characters));
}
