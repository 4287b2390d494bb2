using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Node.Tests.Storage;

/// <summary>A node's database in a folder of its own, to open, close, copy and tamper with. The node's secrets stay the same throughout.</summary>
internal sealed class StoreFolder : IDisposable
{
    internal static readonly NodeId Node = NodeId.Parse("node-a.example");

    private readonly byte[] _keys = RandomNumberGenerator.GetBytes(NodeSecrets.KeySize * 3);
    private readonly ServiceProvider _metering = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly string _root;

    /// <param name="parent">Where the folder is made; null for the usual place.</param>
    internal StoreFolder(string? parent = null)
    {
        _root = parent is null
            ? Directory.CreateTempSubdirectory("custodian-store-").FullName
            : Directory.CreateDirectory(Path.Combine(parent, "custodian-store-" + Path.GetRandomFileName())).FullName;
        Options = new SqliteStoreOptions { Path = Path.Combine(_root, "custodian.db") };
        NodeDatabase.Create(Options, new NodeIdentity(Node, new byte[] { 1, 2, 3 }, 1_790_000_000_000));
    }

    internal SqliteStoreOptions Options { get; set; }

    internal SteppedTime Time { get; } = new();

    /// <summary>The counts of the store that was opened last.</summary>
    internal StoreMetrics Metrics { get; private set; } = null!;

    internal string PathOf(string name) => Path.Combine(_root, name);

    internal NodeSecrets Secrets() => NodeSecrets.Adopt(Pinned.Copy(_keys));

    internal SqliteAccountStore Open(SqliteStoreOptions? options = null, ILogger? logger = null)
    {
        Metrics = new StoreMetrics(_metering.GetRequiredService<IMeterFactory>());
        options ??= Options;
        return SqliteAccountStore.Open(
            options, NodeDatabase.ReadIdentity(options), Secrets(), Metrics, Time, logger ?? NullLogger.Instance);
    }

    /// <summary>Opens a node's database as the node does, the HSM opening its secrets.</summary>
    internal static Task<SqliteAccountStore> OpenAsync(SqliteStoreOptions options, IHsm hsm)
    {
        using ServiceProvider metering = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var metrics = new StoreMetrics(metering.GetRequiredService<IMeterFactory>());
        return SqliteAccountStore.OpenAsync(options, hsm, metrics, TimeProvider.System, NullLogger<SqliteAccountStore>.Instance);
    }

    /// <summary>Another program's connection to the database.</summary>
    internal SqliteConnection Connect()
    {
        var connection = new SqliteConnection($"Data Source={Options.Path};Pooling=False");
        connection.Open();
        return connection;
    }

    /// <summary>Does to the database what no node would.</summary>
    internal int Tamper(string sql)
    {
        using SqliteConnection connection = Connect();
        connection.Run("PRAGMA foreign_keys = OFF");
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteNonQuery();
    }

    internal long Number(string sql)
    {
        using SqliteConnection connection = Connect();
        return connection.Number(sql);
    }

    /// <summary>What a crash at this instant would leave: the files as they are, without the shared memory, in a folder of its own.</summary>
    internal SqliteStoreOptions CopyAsAfterACrash()
    {
        string copy = Directory.CreateDirectory(Path.Combine(_root, Path.GetRandomFileName())).FullName;
        string path = Path.Combine(copy, "custodian.db");
        File.Copy(Options.Path, path);
        if (File.Exists(Options.Path + "-wal"))
        {
            File.Copy(Options.Path + "-wal", path + "-wal");
        }

        return Options with { Path = path };
    }

    /// <summary>Everything that the database has on the disk: its file and its log.</summary>
    internal byte[] BytesOnDisk()
    {
        byte[] log = File.Exists(Options.Path + "-wal") ? ReadShared(Options.Path + "-wal") : [];
        return [.. ReadShared(Options.Path), .. log];
    }

    public void Dispose()
    {
        _metering.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private static byte[] ReadShared(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}

/// <summary>A clock that a test sets.</summary>
internal sealed class SteppedTime : TimeProvider
{
    internal long Ms { get; set; } = 1_790_000_000_000;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Ms);
}
