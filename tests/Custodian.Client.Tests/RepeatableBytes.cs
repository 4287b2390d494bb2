using System.Security.Cryptography;
using System.Text;

namespace Custodian.Client.Tests;

/// <summary>Bytes that look random and are the same in every run, so that a failure can be repeated.</summary>
internal static class RepeatableBytes
{
    /// <summary>The first <paramref name="length"/> bytes of the stream named <paramref name="seed"/>.</summary>
    internal static byte[] Of(string seed, int length)
    {
        byte[] bytes = new byte[length];
        HKDF.Expand(HashAlgorithmName.SHA256, SHA256.HashData(Encoding.UTF8.GetBytes(seed)), bytes.AsSpan(0, Math.Min(length, 8160)), []);
        for (int start = 8160; start < length; start += 8160)
        {
            Of($"{seed}/{start}", Math.Min(8160, length - start)).CopyTo(bytes, start);
        }

        return bytes;
    }
}
