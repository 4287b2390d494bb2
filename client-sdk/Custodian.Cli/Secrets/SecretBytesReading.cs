using System.Security.Cryptography;
using Custodian.Client;

namespace Custodian.Cli.Secrets;

/// <summary>Lends out a secret's bytes for the length of a call.</summary>
internal static class SecretBytesReading
{
    /// <summary>What takes the bytes; it copies what it keeps.</summary>
    internal delegate T Reading<out T>(ReadOnlySpan<byte> bytes);

    /// <summary>Calls <paramref name="reading"/> with the bytes, and zeroes them when it returns.</summary>
    internal static T WithBytes<T>(this SecretBytes secret, Reading<T> reading)
    {
        byte[] copy = GC.AllocateArray<byte>(secret.Length, pinned: true);
        try
        {
            secret.CopyTo(copy);
            return reading(copy);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(copy);
        }
    }
}
