using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// Recover (protocol.md section 14): the secret is tried at the chosen record, and, since a change may have been interrupted, at the other
/// records that are held, newest first. Before the secret is called wrong, nodes that could hold a record that nobody has shown yet get to
/// speak.
/// </summary>
internal sealed class RecoveryFlow(Operation operation, Survey survey)
{
    /// <summary>
    /// The most records a secret is tried at: each costs a stretching and attempts. An interrupted change leaves two, liars could show more.
    /// </summary>
    private const int MostTrials = 4;

    /// <summary>The record that the secret opens; the caller settles it and disposes the trial.</summary>
    /// <exception cref="CustodyException">No record opens; says why.</exception>
    /// <exception cref="OperationCanceledException">Cancelled. Attempts that were sent stay charged until the next recovery.</exception>
    internal async Task<Trial> RunAsync(SecretBytes utf8, CancellationToken cancellation)
    {
        List<Trial> failed = [];
        try
        {
            if (await TryAllAsync(survey.View(), failed, utf8, cancellation).ConfigureAwait(false) is { } early)
            {
                return early;
            }

            if (survey.View().CouldHideARecord())
            {
                await survey.CompleteAsync(cancellation).ConfigureAwait(false);
            }

            AccountView view = survey.View();
            return await TryAllAsync(view, failed, utf8, cancellation).ConfigureAwait(false)
                ?? throw RecoveryFailure.Explain(operation, view, [.. failed]);
        }
        finally
        {
            failed.ForEach(t => t.Dispose());
        }
    }

    internal static Task<SecretBytes> StretchAsync(SecretBytes utf8, StretchParameters kdf, CancellationToken cancellation) => Task.Run(
        () => UserSecret.Stretch(utf8, kdf.Salt.AsSpan(), kdf.MemoryKib, kdf.Iterations, kdf.Parallelism, cancellation), cancellation);

    /// <summary>The trial of the first record that opens; null when none does. What failed is noted.</summary>
    private async Task<Trial?> TryAllAsync(AccountView view, List<Trial> failed, SecretBytes utf8, CancellationToken cancellation)
    {
        foreach (HeldRecord record in InOrder(view).Where(r => r.CanBeTried && !failed.Exists(t => t.Record.IsSameAs(r))))
        {
            if (failed.Count == MostTrials)
            {
                break;
            }

            Trial trial = await StartAsync(record, utf8, cancellation).ConfigureAwait(false);
            if (await FindAsync(trial, cancellation).ConfigureAwait(false))
            {
                Log.Recovered(operation.Core.Log, record.Header.RecordId.ToString(), record.Header.Generation, trial.Good);
                return trial;
            }

            failed.Add(trial);
        }

        return null;
    }

    /// <summary>
    /// The chosen record, then the others; of these first those that as many nodes show as the set's threshold: where the set allows lower
    /// ones, fewer liars than that could fill every trial with records of their own.
    /// </summary>
    private ImmutableArray<HeldRecord> InOrder(AccountView view) =>
    [
        .. view.Choice.Chosen is { } chosen ? [chosen] : ImmutableArray<HeldRecord>.Empty,
        .. view.Choice.Others.OrderByDescending(r => r.Sightings.Length >= operation.Set.Threshold),
    ];

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

    /// <summary>Nodes may have answered while the secret was stretched: what others tried there counts before this try does.</summary>
    private async Task<Trial> StartAsync(HeldRecord record, SecretBytes utf8, CancellationToken cancellation)
    {
        _ = new StageProgress(operation.Progress, CustodyStage.Stretching);
        using SecretBytes stretched = await StretchAsync(utf8, record.Header.Kdf, cancellation).ConfigureAwait(false);
        HeldRecord newest = survey.View().Choice.All.FirstOrDefault(r => r.IsSameAs(record)) ?? record;
        return Trial.Start(operation, newest, stretched);
    }
}
