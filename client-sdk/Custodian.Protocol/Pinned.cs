namespace Custodian.Protocol;

/// <summary>
/// Buffers for secrets. The collector never moves them, so that zeroing one leaves no copy behind; whoever asked for one zeroes it with
/// <see cref="System.Security.Cryptography.CryptographicOperations.ZeroMemory"/>.
/// </summary>
internal static class Pinned
{
    /// <summary>A new zeroed buffer of exactly <paramref name="length"/> bytes.</summary>
    internal static byte[] Bytes(int length) => GC.AllocateArray<byte>(length, pinned: true);

    /// <summary>A new buffer that holds a copy of <paramref name="source"/>.</summary>
    internal static byte[] Copy(ReadOnlySpan<byte> source)
    {
        byte[] copy = GC.AllocateUninitializedArray<byte>(source.Length, pinned: true);
        source.CopyTo(copy);
        return copy;
    }
}
