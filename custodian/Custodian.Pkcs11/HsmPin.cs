using System.Security.Cryptography;

namespace Custodian.Pkcs11;

/// <summary>A token's PIN in pinned memory that is zeroed on dispose. Prints as <c>[secret]</c>.</summary>
public sealed class HsmPin : IDisposable
{
    private readonly byte[] bytes;
    private bool disposed;

    /// <summary>Copies a PIN.</summary>
    /// <param name="pin">1 to 255 bytes, UTF-8 as the module wants it; the caller zeroes its own.</param>
    /// <exception cref="ArgumentException">The PIN is empty or longer.</exception>
    public HsmPin(ReadOnlySpan<byte> pin)
    {
        if (pin.Length is 0 or > 255)
        {
            throw new ArgumentException("A PIN is 1 to 255 bytes.", nameof(pin));
        }
        bytes = GC.AllocateUninitializedArray<byte>(pin.Length, pinned: true);
        pin.CopyTo(bytes);
    }

    /// <summary>Zeroes the PIN. A second call does nothing.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(bytes);
        disposed = true;
    }

    /// <returns><c>[secret]</c>.</returns>
    public override string ToString() => "[secret]";

    /// <exception cref="ObjectDisposedException">The PIN was zeroed.</exception>
    internal ReadOnlySpan<byte> Bytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return bytes;
        }
    }

    internal HsmPin Copy() => new(Bytes);
}
