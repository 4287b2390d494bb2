using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Storage;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Api.Node;

/// <summary>A database's writer that is busy with one call until this is disposed, while one other waits for it.</summary>
internal sealed class HeldWriter : IDisposable
{
    private readonly ManualResetEventSlim _gate = new();

    internal static async Task<HeldWriter> FillAsync(SqliteAccountStore store)
    {
        var held = new HeldWriter();
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = store.DecideAsync(
            Samples.NewAccount(),
            _ =>
            {
                taken.TrySetResult();
                held._gate.Wait();
                return Keep();
            },
            CancellationToken.None);
        await taken.Task;
        _ = store.DecideAsync(Samples.NewAccount(), _ => Keep(), CancellationToken.None);
        return held;
    }

    // Not disposed: the writer may still be about to wait for it.
    public void Dispose() => _gate.Set();

    private static Decision<StateAnswer> Keep() => Decision<StateAnswer>.Keep(new StateAnswer(RecordState.Active, 1));
}
