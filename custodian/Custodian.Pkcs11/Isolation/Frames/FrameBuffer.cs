using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>
/// Pinned memory for one frame or payload, zeroed before anyone else gets it: frames hold shares, evaluated points and the PIN.
/// </summary>
internal sealed class FrameBuffer : IDisposable
{
    private const int PooledSize = 4096;
    private const int MostPooled = 512;
    private static readonly Stack<byte[]> Pool = [];
    private static readonly Lock PoolGate = new();

    private readonly int length;
    private byte[]? bytes;

    private FrameBuffer(byte[] bytes, int length) => (this.bytes, this.length) = (bytes, length);

    public Memory<byte> Memory => Bytes.AsMemory(0, length);

    public Span<byte> Span => Bytes.AsSpan(0, length);

    private byte[] Bytes => bytes ?? throw new ObjectDisposedException(nameof(FrameBuffer));

    /// <param name="length">How much is used of it.</param>
    public static FrameBuffer Rent(int length)
    {
        if (length > PooledSize)
        {
            return new(GC.AllocateUninitializedArray<byte>(length, pinned: true), length);
        }
        lock (PoolGate)
        {
            if (Pool.TryPop(out var pooled))
            {
                return new(pooled, length);
            }
        }
        return new(GC.AllocateUninitializedArray<byte>(PooledSize, pinned: true), length);
    }

    public static FrameBuffer CopyOf(ReadOnlyMemory<byte> payload)
    {
        var copy = Rent(payload.Length);
        payload.Span.CopyTo(copy.Span);
        return copy;
    }

    /// <summary>Writes the id into a frame that is complete but for it.</summary>
    public void Number(ulong id) => BinaryPrimitives.WriteUInt64BigEndian(Span[(FrameFormat.LengthSize + 1)..], id);

    /// <summary>Zeroes the memory and gives it back. A second call does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref bytes, null) is not { } own)
        {
            return;
        }
        CryptographicOperations.ZeroMemory(own.AsSpan(0, length));
        lock (PoolGate)
        {
            if (own.Length == PooledSize && Pool.Count < MostPooled)
            {
                Pool.Push(own);
            }
        }
    }
}
