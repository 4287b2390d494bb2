using System.Threading.Channels;
using Custodian.Pkcs11.Isolation;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>What happened to the processes, to wait for and to count.</summary>
internal sealed class SeenEvents
{
    private readonly Channel<IsolationEvent> events = Channel.CreateUnbounded<IsolationEvent>();
    private readonly List<IsolationEvent> seen = [];

    internal void See(IsolationEvent happened)
    {
        lock (seen)
        {
            seen.Add(happened);
        }
        events.Writer.TryWrite(happened);
    }

    internal IReadOnlyList<T> Of<T>()
        where T : IsolationEvent
    {
        lock (seen)
        {
            return [.. seen.OfType<T>()];
        }
    }

    /// <summary>The next event of a kind, past those that were awaited before.</summary>
    internal async Task<T> NextAsync<T>()
        where T : IsolationEvent
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        while (true)
        {
            if (await events.Reader.ReadAsync(patience.Token) is T awaited)
            {
                return awaited;
            }
        }
    }
}
