using System.Collections.Immutable;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Tests.Storage;

public sealed class SchemaTests : IDisposable
{
    /// <summary>The last step that this program knows.</summary>
    private static readonly int Newest = Schema.Migrations[^1].To;

    private readonly StoreFolder _folder = new();

    [Fact]
    public void Open_NewerSchema_IsRefusedWithWhatToDo()
    {
        _folder.Tamper("PRAGMA user_version = 99");
        foreach (Action open in (Action[])[() => NodeDatabase.ReadIdentity(_folder.Options), () => _folder.Open()])
        {
            StorageException refused = Assert.Throws<StorageException>(open);
            Assert.Equal(StorageFault.NewerSchema, refused.Fault);
            Assert.Contains("schema 99", refused.Message, StringComparison.Ordinal);
            Assert.Contains("run the newer program again, or restore the backup", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Decide_BroughtForwardByANewerProgramWhileServing_WritesNothingMore()
    {
        await using SqliteAccountStore store = _folder.Open();
        AccountId id = Samples.NewAccount();
        await store.AddAsync(id, Samples.Record(id));
        _folder.Tamper($"ALTER TABLE node ADD COLUMN later INTEGER; PRAGMA user_version = {Newest + 1}");
        StorageException refused = await Assert.ThrowsAsync<StorageException>(() => store.AddAsync(id, Samples.Record(id, 2)));
        Assert.Equal(StorageFault.NewerSchema, refused.Fault);
        Assert.Equal(1, _folder.Number("SELECT count(*) FROM records"));
    }

    [Fact]
    public async Task BringForward_OlderDatabase_TakesTheMissingStepsAndKeepsWhatIsThere()
    {
        AccountId id = Samples.NewAccount();
        await using (SqliteAccountStore store = _folder.Open())
        {
            await store.AddAsync(id, Samples.Record(id));
        }

        ImmutableArray<Migration> longer =
        [
            .. Schema.Migrations,
            new Migration(Newest + 1, "ALTER TABLE node ADD COLUMN later INTEGER"),
            new Migration(Newest + 2, "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT"),
        ];
        using SqliteConnection connection = _folder.Connect();
        Schema.BringForward(connection, longer);
        Schema.BringForward(connection, longer);
        Assert.Equal(Newest + 2, Schema.VersionOf(connection));
        Assert.True(Schema.IsAsMade(connection, longer));
        Assert.Equal(1, connection.Number("SELECT count(*) FROM records"));
    }

    [Fact]
    public void BringForward_StepFails_LeavesTheVersionBeforeIt()
    {
        ImmutableArray<Migration> broken =
        [
            .. Schema.Migrations,
            new Migration(Newest + 1, "CREATE TABLE good (id INTEGER PRIMARY KEY) STRICT"),
            new Migration(Newest + 2, "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT; INSERT INTO nowhere VALUES (1)"),
        ];
        using SqliteConnection connection = _folder.Connect();
        Assert.Throws<SqliteException>(() => Schema.BringForward(connection, broken));
        Assert.Equal(Newest + 1, Schema.VersionOf(connection));
        Assert.Equal(1, connection.Number("SELECT count(*) FROM sqlite_schema WHERE name = 'good'"));
        Assert.Equal(0, connection.Number("SELECT count(*) FROM sqlite_schema WHERE name = 'half'"));
        Assert.False(connection.IsInTransaction());
    }

    [Fact]
    public void Open_NotADatabaseOfANode_SaysSo()
    {
        SqliteStoreOptions missing = _folder.Options with { Path = _folder.PathOf("missing.db") };
        Assert.Contains("cannot be opened", Assert.Throws<StorageException>(() => NodeDatabase.ReadIdentity(missing)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(missing.Path));

        SqliteStoreOptions text = _folder.Options with { Path = _folder.PathOf("text.db") };
        File.WriteAllText(text.Path, new string('x', 5000));
        Assert.Contains("is not the database of a node", Assert.Throws<StorageException>(() => NodeDatabase.ReadIdentity(text)).Message, StringComparison.Ordinal);

        SqliteStoreOptions foreign = _folder.Options with { Path = _folder.PathOf("foreign.db") };
        using (var other = new SqliteConnection($"Data Source={foreign.Path};Pooling=False"))
        {
            other.Open();
            other.Run("CREATE TABLE t (a)");
        }

        Assert.Contains("is not the database of a node", Assert.Throws<StorageException>(() => NodeDatabase.ReadIdentity(foreign)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_FileThere_IsRefusedAndLeftAsItIs()
    {
        byte[] before = File.ReadAllBytes(_folder.Options.Path);
        var another = new NodeIdentity(NodeId.Parse("node-b"), new byte[] { 9 }, 0);
        Assert.Throws<IOException>(() => NodeDatabase.Create(_folder.Options, another));
        Assert.Equal(before, File.ReadAllBytes(_folder.Options.Path));
        Assert.Equal(StoreFolder.Node, NodeDatabase.ReadIdentity(_folder.Options).Node);
    }

    [Fact]
    public void Create_NewDatabase_IsItsOwnersAloneAndLeavesNothingBeside()
    {
        SqliteStoreOptions fresh = _folder.Options with { Path = Path.Combine(Directory.CreateDirectory(_folder.PathOf("fresh")).FullName, "n.db") };
        File.WriteAllText(fresh.Path + ".new", "left by a crash");
        var identity = new NodeIdentity(NodeId.Parse("node-b"), new byte[] { 1, 2, 3 }, 42);
        NodeDatabase.Create(fresh, identity);
        NodeIdentity found = NodeDatabase.ReadIdentity(fresh);
        Assert.Equal((identity.Node, identity.CreatedMs), (found.Node, found.CreatedMs));
        Assert.Equal(identity.SealedSecrets.ToArray(), found.SealedSecrets.ToArray());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(fresh.Path));
        Assert.Equal([fresh.Path], Directory.GetFiles(Path.GetDirectoryName(fresh.Path)!));
    }

    [Theory]
    [InlineData("journal_mode", "wal")]
    [InlineData("synchronous", "2")]
    [InlineData("secure_delete", "1")]
    [InlineData("foreign_keys", "1")]
    [InlineData("temp_store", "2")]
    [InlineData("trusted_schema", "0")]
    public void OpenWriter_Connection_IsDurableAndLeavesNoTraces(string pragma, string expected)
    {
        using SqliteConnection connection = SqliteConnections.OpenWriter(_folder.Options);
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = $"PRAGMA {pragma}";
        Assert.Equal(expected, Convert.ToString(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture));
    }

    public void Dispose() => _folder.Dispose();
}
