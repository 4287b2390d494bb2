namespace Custodian.Pkcs11;

/// <summary>
/// A token's PIN in memory of its own that no core dump has and that is zeroed on dispose. Prints as <c>[secret]</c>.
/// </summary>
public sealed unsafe class HsmPin : IDisposable
{
    private readonly nint page;
    private readonly int length;
    private int disposed;

    /// <summary>Copies a PIN.</summary>
    /// <param name="pin">1 to 255 bytes, UTF-8 as the module wants it; the caller zeroes its own.</param>
    /// <exception cref="ArgumentException">The PIN is empty or longer.</exception>
    public HsmPin(ReadOnlySpan<byte> pin)
    {
        if (pin.Length is 0 or > 255)
        {
            throw new ArgumentException("A PIN is 1 to 255 bytes.", nameof(pin));
        }
        length = pin.Length;
        page = SecretPages.Take();
        pin.CopyTo(new Span<byte>((void*)page, length));
    }

    /// <summary>Zeroes the PIN. A second call does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 0)
        {
            SecretPages.GiveBack(page);
        }
    }

    /// <returns><c>[secret]</c>.</returns>
    public override string ToString() => "[secret]";

    /// <exception cref="ObjectDisposedException">The PIN was zeroed.</exception>
    internal ReadOnlySpan<byte> Bytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed) != 0, this);
            return new ReadOnlySpan<byte>((void*)page, length);
        }
    }

    internal HsmPin Copy() => new(Bytes);
}
