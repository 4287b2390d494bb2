using System.Collections.Concurrent;
using System.Diagnostics;

namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>
/// The one thread that starts processes. A child that asks for a signal at its parent's death gets it when the *thread* that started it
/// ends, and threads of the pool end when they please; this one lives as long as the process.
/// </summary>
internal static class SpawningThread
{
    private static readonly BlockingCollection<Action> Queue = Start();

    /// <summary>Starts a process.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public static Task<Process> StartAsync(ProcessStartInfo start)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Queue.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        });
        return started.Task;
    }

    private static BlockingCollection<Action> Start()
    {
        var queue = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var action in queue.GetConsumingEnumerable())
            {
                action();
            }
        })
        {
            IsBackground = true,
            Name = "hsm-host spawner",
        }.Start();
        return queue;
    }
}
