using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// Recover (protocol.md section 14): the secret is tried at the chosen record, and, since a change may have been interrupted, at the other
/// records that are held, newest first.
/// </summary>
internal sealed class RecoveryFlow(Operation operation, AccountView view)
{
    /// <summary>The record that the secret opens; the caller settles it and disposes the trial.</summary>
    /// <exception cref="CustodyException">No record opens; says why.</exception>
    /// <exception cref="OperationCanceledException">Cancelled. Attempts that were sent stay charged until the next recovery.</exception>
    internal async Task<Trial> RunAsync(SecretBytes utf8, CancellationToken cancellation)
    {
        HeldRecord chosen = view.Choice.Chosen ?? throw Absence.Explain(operation.Set, view);
        ThrowIfBlocked(chosen);
        List<Trial> failed = [];
        try
        {
            foreach (HeldRecord record in view.Choice.All.Where(r => r.Free >= r.Header.Threshold))
            {
                Trial trial = await StartAsync(record, utf8, cancellation).ConfigureAwait(false);
                if (await FindAsync(trial, cancellation).ConfigureAwait(false))
                {
                    Log.Recovered(operation.Core.Log, record.Header.RecordId.ToString(), record.Header.Generation, trial.Good);
                    return trial;
                }

                failed.Add(trial);
            }

            throw RecoveryFailure.Explain(operation, view, [.. failed]);
        }
        finally
        {
            failed.ForEach(t => t.Dispose());
        }
    }

    private static async Task<bool> FindAsync(Trial trial, CancellationToken cancellation)
    {
        try
        {
            return await trial.FindAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            trial.Dispose();
            throw;
        }
    }

    private async Task<Trial> StartAsync(HeldRecord record, SecretBytes utf8, CancellationToken cancellation)
    {
        _ = new StageProgress(operation.Progress, CustodyStage.Stretching);
        using SecretBytes stretched = await StretchAsync(utf8, record.Header.Kdf, cancellation).ConfigureAwait(false);
        return Trial.Start(operation, record, stretched);
    }

    internal static Task<SecretBytes> StretchAsync(SecretBytes utf8, StretchParameters kdf, CancellationToken cancellation) => Task.Run(
        () => UserSecret.Stretch(utf8, kdf.Salt.AsSpan(), kdf.MemoryKib, kdf.Iterations, kdf.Parallelism, cancellation), cancellation);

    /// <summary>Fewer than t participants have an attempt free now: nothing is sent, and the error says when.</summary>
    private void ThrowIfBlocked(HeldRecord record)
    {
        if (record.Free < record.Header.Threshold)
        {
            throw new LockedException(
                record.Wait,
                operation.Core.Options.TimeProvider.GetUtcNow() + record.Wait,
                record.AttemptsLeft,
                view.Outcomes);
        }
    }
}
