using Custodian.Node.Storage;
using Custodian.Node.Tests.Storage;

namespace Custodian.Node.Tests.Host;

public sealed class MigrationTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    [Fact]
    public void Open_OlderSchema_IsRefusedAndLeftAsItIs()
    {
        _folder.Tamper("PRAGMA user_version = 0");
        string message = Assert.Throws<StorageException>(() => _folder.Open()).Message;
        Assert.Contains("start 'custodian serve' once", message, StringComparison.Ordinal);
        Assert.Equal(0, _folder.Number("PRAGMA user_version"));
    }

    public void Dispose() => _folder.Dispose();
}
