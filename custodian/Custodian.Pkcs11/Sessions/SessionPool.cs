using System.Collections.Concurrent;
using System.Globalization;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sessions;

/// <summary>
/// Threads of its own, each with a session that nobody else touches. PKCS#11 calls block, some for long; here they block nothing but
/// these threads.
/// </summary>
internal sealed class SessionPool : IAsyncDisposable
{
    private readonly BlockingCollection<IHsmWork> queue = [];
    private readonly KeyRing ring;
    private readonly Task[] threads;

    public SessionPool(KeyRing ring, int sessions)
    {
        this.ring = ring;
        threads = [.. Enumerable.Range(1, sessions).Select(Start)];
    }

    /// <exception cref="ObjectDisposedException">The pool was closed.</exception>
    public Task<T> RunAsync<T>(Func<Pkcs11Session, TokenKeySet, T> operation)
    {
        var work = new HsmWork<T>(operation);
        try
        {
            queue.Add(work);
        }
        catch (InvalidOperationException)
        {
            throw new ObjectDisposedException(nameof(Pkcs11Hsm));
        }
        return work.Task;
    }

    /// <summary>Takes no more work, finishes what was taken, and ends the threads.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.CompleteAdding();
        await Task.WhenAll(threads).ConfigureAwait(false);
        queue.Dispose();
    }

    private Task Start(int number)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            ServeQueue();
            ended.SetResult();
        })
        {
            IsBackground = true,
            Name = "hsm " + number.ToString(CultureInfo.InvariantCulture),
        };
        thread.Start();
        return ended.Task;
    }

    private void ServeQueue()
    {
        using var lease = new SessionLease(ring);
        foreach (var work in queue.GetConsumingEnumerable())
        {
            work.Execute(lease);
        }
    }
}
