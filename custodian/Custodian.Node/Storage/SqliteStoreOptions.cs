namespace Custodian.Node.Storage;

/// <summary>How a node keeps its accounts in SQLite.</summary>
internal sealed record SqliteStoreOptions
{
    /// <summary>The database file. SQLite keeps <c>-wal</c> and <c>-shm</c> beside it.</summary>
    internal required string Path { get; init; }

    /// <summary>SQLite's <c>max_page_count</c>, in pages of 4096 bytes; writes beyond it are refused as full. Default 0: no limit.</summary>
    internal int MaxPageCount { get; init; }

    /// <summary>Whether opening brings an older schema forward. Default false: an older schema is refused.</summary>
    internal bool Migrate { get; init; }

    /// <summary>The most calls that share one transaction and its fsync. Default 64, at least 1.</summary>
    internal int BatchSize { get; init; } = 64;

    /// <summary>How many calls may wait for the writer before further ones are refused as busy. Default 1024, at least 1.</summary>
    internal int QueueLength { get; init; } = 1024;

    /// <summary>Connections that serve reads beside the writer. Default 2, at least 1.</summary>
    internal int Readers { get; init; } = 2;

    /// <summary>How long to wait for a lock that another process holds. Default 5 s.</summary>
    internal TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Memory for deposited parts that were read before, in bytes. Default 16 MiB; 0 switches it off.</summary>
    internal int BodyCacheBytes { get; init; } = 16 * 1024 * 1024;
}
