using System.Globalization;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Sessions;

/// <summary>
/// Threads of its own, each with a session that nobody else touches. PKCS#11 calls block, some for long; here they block nothing but
/// these threads.
/// </summary>
internal sealed class SessionPool : IAsyncDisposable
{
    private readonly WorkQueue queue = new();
    private readonly KeyRing ring;
    private readonly Task[] threads;

    public SessionPool(KeyRing ring, int sessions)
    {
        this.ring = ring;
        threads = [.. Enumerable.Range(1, sessions).Select(Start)];
    }

    /// <exception cref="ObjectDisposedException">The pool was closed.</exception>
    public Task<T> RunAsync<T>(HsmOperation<T> operation)
    {
        var work = new HsmWork<T>(operation);
        Add(work);
        return work.Task;
    }

    /// <exception cref="ObjectDisposedException">The pool was closed.</exception>
    public void Add(IHsmWork work) => ObjectDisposedException.ThrowIf(!queue.TryAdd(work), typeof(Pkcs11Hsm));

    /// <summary>Takes no more work, finishes what was taken, and ends the threads.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Close();
        await Task.WhenAll(threads).ConfigureAwait(false);
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
        while (queue.TryTake(out var work))
        {
            work.Execute(lease);
        }
    }
}
