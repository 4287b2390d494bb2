using System.Collections.Concurrent;
using System.Collections.Immutable;
using Custodian.Protocol;
using Microsoft.Extensions.Logging;

namespace Custodian.Client;

/// <summary>
/// What a client keeps over its life: the connections, the attempts it made itself, and the settlements that still run. Thread-safe.
/// </summary>
internal sealed class ClientCore : IAsyncDisposable, IDisposable
{
    private readonly ImmutableDictionary<NodeId, NodeConnection> _connections;
    private readonly ConcurrentDictionary<Task, byte> _running = [];
    private readonly CancellationTokenSource _closing = new();
    private bool _disposed;

    internal ClientCore(CustodianSet set, CustodianClientOptions options)
    {
        Set = set;
        Options = options.Checked();
        Log = Options.LoggerFactory.CreateLogger<CustodianClient>();
        _connections = set.Nodes.ToImmutableDictionary(n => n.Id, n => new NodeConnection(n, Options, Log));
    }

    internal CustodianSet Set { get; }

    internal CustodianClientOptions Options { get; }

    internal ILogger Log { get; }

    internal AttemptLedger OwnAttempts { get; } = new();

    /// <summary>Ends what goes on in the background when the client is disposed.</summary>
    internal CancellationToken Closing => _closing.Token;

    internal NodeConnection Connection(NodeId node) => _connections[node];

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, typeof(CustodianClient));

    /// <summary>Keeps a task in mind that the caller need not await, so that an orderly end waits for it.</summary>
    internal Task<T> Track<T>(Task<T> task)
    {
        _running.TryAdd(task, 0);
        _ = task.ContinueWith(
            done => _running.TryRemove(done, out _),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return task;
    }

    /// <summary>Waits for the settlements, each of which ends by the timeouts of its calls.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_running.Keys).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Dispose();
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _closing.Cancel();
        foreach (NodeConnection connection in _connections.Values)
        {
            connection.Dispose();
        }
    }
}
