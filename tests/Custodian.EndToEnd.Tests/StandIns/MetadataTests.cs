using Grpc.Core;

namespace Custodian.EndToEnd.Tests.StandIns;

public sealed class MetadataTests
{
    [Fact]
    public void Entry_MixedCaseKey_IsLowerCased()
    {
        Assert.Equal("x-key_1.a", new Metadata.Entry("X-Key_1.A", "value").Key);
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("colon:")]
    [InlineData("\u00fcber")]
    [InlineData("\u212aelvin")]
    [InlineData("line\n")]
    [InlineData("nul\0")]
    [InlineData("a/b")]
    public void Entry_KeyOutsideTheAlphabet_Throws(string key)
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, "value"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key + "-bin", [1]));
    }

    [Fact]
    public void Entry_TextUnderABinaryKey_Throws()
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("key-bin", "value"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("key-BIN", "value"));
    }

    [Fact]
    public void Entry_BytesUnderATextKey_Throws()
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("key", [1]));
    }

    [Fact]
    public void Entry_NullArguments_Throw()
    {
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry(null!, "value"));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("key", (string)null!));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("key-bin", (byte[])null!));
    }

    [Fact]
    public void Entry_Text_GivesTextAndItsAsciiBytes()
    {
        var entry = new Metadata.Entry("key", "AB");

        Assert.False(entry.IsBinary);
        Assert.Equal("AB", entry.Value);
        Assert.Equal([0x41, 0x42], entry.ValueBytes);
    }

    [Fact]
    public void Entry_Bytes_GivesBytesAndNoText()
    {
        var entry = new Metadata.Entry("key-bin", [1, 2]);

        Assert.True(entry.IsBinary);
        Assert.Equal([1, 2], entry.ValueBytes);
        Assert.Throws<InvalidOperationException>(() => entry.Value);
    }

    [Fact]
    public void Entry_CallersArrayChanged_KeepsItsBytes()
    {
        byte[] bytes = [1, 2];
        var entry = new Metadata.Entry("key-bin", bytes);

        bytes[0] = 9;
        entry.ValueBytes[1] = 9;

        Assert.Equal([1, 2], entry.ValueBytes);
    }

    [Fact]
    public void Get_KeyOccursTwice_GivesTheLast()
    {
        var metadata = new Metadata { { "key", "first" }, { "other", "x" }, { "key", "last" }, { "key-bin", [1] }, { "key-bin", [2] } };

        Assert.Equal("last", metadata.Get("key")!.Value);
        Assert.Equal("last", metadata.GetValue("key"));
        Assert.Equal([2], metadata.GetValueBytes("key-bin"));
        Assert.Equal(["first", "last"], metadata.GetAll("key").Select(entry => entry.Value));
    }

    [Fact]
    public void Get_KeyAbsent_GivesNull()
    {
        var metadata = new Metadata { { "key", "value" } };

        Assert.Null(metadata.Get("other"));
        Assert.Null(metadata.GetValue("other"));
        Assert.Null(metadata.GetValueBytes("other"));
        Assert.Empty(metadata.GetAll("other"));
    }

    [Fact]
    public void GetValue_OfABinaryEntry_Throws()
    {
        Assert.Throws<InvalidOperationException>(() => new Metadata { { "key-bin", [1] } }.GetValue("key-bin"));
    }

    [Fact]
    public void Empty_AnyChange_Throws()
    {
        var entry = new Metadata.Entry("key", "value");

        Assert.True(Metadata.Empty.IsReadOnly);
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add(entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("key", "value"));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("key-bin", [1]));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Insert(0, entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Remove(entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.RemoveAt(0));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty[0] = entry);
        Assert.Throws<InvalidOperationException>(Metadata.Empty.Clear);
        Assert.Empty(Metadata.Empty);
    }

    [Fact]
    public void List_OfEntries_KeepsTheirOrder()
    {
        Metadata.Entry a = new("a", "1"), b = new("b", "2"), c = new("c", "3"), d = new("d", "4");
        var metadata = new Metadata { a, c };

        metadata.Insert(1, b);
        metadata[2] = d;

        Assert.False(metadata.IsReadOnly);
        Assert.Equal([a, b, d], metadata);
        Assert.Equal(1, metadata.IndexOf(b));
        Assert.DoesNotContain(c, metadata);
        Assert.True(metadata.Remove(a));
        metadata.RemoveAt(0);
        Assert.Equal([d], metadata);
        metadata.Clear();
        Assert.Empty(metadata);
    }

    [Fact]
    public void Add_Null_Throws()
    {
        Assert.Throws<ArgumentNullException>(() => new Metadata().Add(null!));
    }
}
