using System.Diagnostics;
using System.Security.Cryptography;

namespace Custodian.Client;

/// <summary>
/// A secret in memory: a private key, a user's secret, a recovery key. The bytes lie in pinned memory, so that the garbage
/// collector leaves no copies behind, and are overwritten with zeros by <see cref="Dispose"/>.
/// </summary>
/// <remarks>
/// <para>It prints as <c>[secret]</c>, converts to nothing by itself, and hands its bytes out only where
/// <see cref="CopyTo"/> is written; whoever copies also zeroes the copy.</para>
/// <para>There is no finalizer: one could run while a span over the bytes is still being read, and a key of zeros would then be used
/// in silence. A secret that is never disposed stays in memory until that memory is used again.</para>
/// <para>Reading from several threads is safe. <see cref="Dispose"/> must not run while another thread reads.</para>
/// </remarks>
[DebuggerDisplay("[secret]")]
public sealed class SecretBytes : IDisposable
{
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private byte[]? _bytes;

    /// <summary>A copy of <paramref name="bytes"/>; the original stays the caller's to zero.</summary>
    /// <param name="bytes">The secret, of any length, also none.</param>
    public SecretBytes(ReadOnlySpan<byte> bytes)
        : this(bytes.Length) => bytes.CopyTo(_bytes);

    private SecretBytes(int length) => _bytes = GC.AllocateArray<byte>(length, pinned: true);

    /// <summary>Length in bytes.</summary>
    /// <exception cref="ObjectDisposedException">The secret was disposed.</exception>
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    public int Length => Alive.Length;

    /// <summary>The bytes themselves, to be filled or read in place, and not to be kept past <see cref="Dispose"/>.</summary>
    /// <exception cref="ObjectDisposedException">The secret was disposed.</exception>
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    internal Span<byte> Span => Alive;

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private byte[] Alive
    {
        get
        {
            ObjectDisposedException.ThrowIf(_bytes is null, this);
            return _bytes;
        }
    }

    /// <summary>A secret of <paramref name="length"/> zero bytes, to be filled through <see cref="Span"/> without a copy elsewhere.</summary>
    internal static SecretBytes Allocate(int length) => new(length);

    /// <summary>Copies the secret to the start of <paramref name="destination"/>, which the caller zeroes after use.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    /// <exception cref="ObjectDisposedException">The secret was disposed.</exception>
    public void CopyTo(Span<byte> destination) => Alive.CopyTo(destination);

    /// <summary>Whether the secret is <paramref name="other"/>, in a time that depends on the lengths only.</summary>
    /// <exception cref="ObjectDisposedException">The secret was disposed.</exception>
    public bool FixedTimeEquals(ReadOnlySpan<byte> other) => CryptographicOperations.FixedTimeEquals(Alive, other);

    /// <summary>Whether both hold the same bytes, in a time that depends on the lengths only.</summary>
    /// <exception cref="ArgumentNullException"><paramref name="other"/> is null.</exception>
    /// <exception cref="ObjectDisposedException">One of the two was disposed.</exception>
    public bool FixedTimeEquals(SecretBytes other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return FixedTimeEquals(other.Alive);
    }

    /// <summary>Always <c>[secret]</c>, disposed or not.</summary>
    public override string ToString() => "[secret]";

    /// <summary>Overwrites the bytes with zeros. Every later use but <see cref="ToString"/> throws; disposing again does nothing.</summary>
    public void Dispose()
    {
        byte[]? bytes = Interlocked.Exchange(ref _bytes, null);
        CryptographicOperations.ZeroMemory(bytes);
    }
}
