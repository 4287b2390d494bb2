using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace Custodian.Client.Tests.Secrets;

public sealed class SecretBytesTests
{
    private static readonly byte[] s_bytes = RepeatableBytes.Of("secret", 32);

    [Fact]
    public void CopyTo_Alive_GivesTheBytes()
    {
        using var secret = new SecretBytes(s_bytes);
        byte[] copy = new byte[40];

        secret.CopyTo(copy);

        Assert.Equal(32, secret.Length);
        Assert.Equal(s_bytes, copy[..32]);
    }

    [Fact]
    public void Constructor_OriginalIsOverwritten_SecretKeepsItsCopy()
    {
        byte[] original = [.. s_bytes];
        using var secret = new SecretBytes(original);

        Array.Clear(original);

        Assert.True(secret.FixedTimeEquals(s_bytes));
    }

    [Fact]
    public void CopyTo_ShortDestination_Throws()
    {
        using var secret = new SecretBytes(s_bytes);
        Assert.Throws<ArgumentException>(() => secret.CopyTo(new byte[31]));
    }

    [Fact]
    public void Dispose_BytesStillSeenThroughASpan_AreZero()
    {
        var secret = new SecretBytes(s_bytes);
        Span<byte> seen = secret.Span;

        secret.Dispose();

        Assert.Equal(new byte[32], seen.ToArray());
    }

    [Fact]
    public void EveryMember_Disposed_Throws()
    {
        var secret = new SecretBytes(s_bytes);
        using var other = new SecretBytes(s_bytes);
        secret.Dispose();
        secret.Dispose();

        Assert.Throws<ObjectDisposedException>(() => secret.Length);
        Assert.Throws<ObjectDisposedException>(() => secret.CopyTo(new byte[32]));
        Assert.Throws<ObjectDisposedException>(() => secret.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => secret.FixedTimeEquals(s_bytes));
        Assert.Throws<ObjectDisposedException>(() => secret.FixedTimeEquals(other));
        Assert.Throws<ObjectDisposedException>(() => other.FixedTimeEquals(secret));
    }

    [Fact]
    public void FixedTimeEquals_EveryBitFlippedAndOtherLengths_OnlyEqualBytesAreEqual()
    {
        using var secret = new SecretBytes(s_bytes);
        using var same = new SecretBytes(s_bytes);

        Assert.True(secret.FixedTimeEquals(same));
        Assert.False(secret.FixedTimeEquals(s_bytes.AsSpan(0, 31)));
        for (int bit = 0; bit < 256; bit++)
        {
            byte[] other = [.. s_bytes];
            other[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(secret.FixedTimeEquals(other));
        }
    }

    [Fact]
    public void Printing_AnyWay_ShowsNothing()
    {
        var secret = new SecretBytes("hunter2"u8);

        Assert.Equal("[secret]", secret.ToString());
        Assert.Equal("[secret]", string.Create(CultureInfo.InvariantCulture, $"{secret}"));
        Assert.Throws<InvalidOperationException>(() => JsonSerializer.Serialize(secret));
        secret.Dispose();
        Assert.Equal("[secret]", secret.ToString());
    }

    [Fact]
    public void Type_ItsPublicFace_HasNoConversionAndNoWayToTheBytesButCopyTo()
    {
        IEnumerable<string> members = typeof(SecretBytes)
            .GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Select(member => member.Name).Distinct().Order(StringComparer.Ordinal);

        Assert.Equal([".ctor", "CopyTo", "Dispose", "FixedTimeEquals", "Length", "ToString", "get_Length"], members);
    }

    [Fact]
    public void Bytes_AfterCompactingCollections_HaveNotMoved()
    {
        using var secret = new SecretBytes(s_bytes);
        ref byte before = ref secret.Span[0];
        nint address = Address(ref before);

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

        Assert.Equal(address, Address(ref secret.Span[0]));
    }

    private static unsafe nint Address(ref byte at) => (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref at);
}
