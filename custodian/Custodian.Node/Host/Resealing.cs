using Custodian.Core;
using Custodian.Node.Api.Calls;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Host;

/// <summary>How fast records are brought under a new seal key.</summary>
/// <param name="Rate">Records a second; 0 none.</param>
internal sealed record ResealPace(int Rate)
{
    /// <summary>The most records at once: what this takes of the HSM's places, however fast it may be.</summary>
    private const int MostAtOnce = 8;

    /// <summary>After which it looks once more: a call that was under way at the change may have stored under the old key since.</summary>
    internal TimeSpan SecondLook { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>After which it looks again as long as some were left: the key that they are under may be brought back, or their rows.</summary>
    internal TimeSpan LookAgain { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>After a failure of the HSM or the database, or where there was no place at the HSM.</summary>
    internal TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Records at once: as few as keep the pace.</summary>
    internal int AtOnce => Math.Clamp(Rate / 50, 1, MostAtOnce);

    /// <summary>How long a number of records may take at least.</summary>
    internal TimeSpan TimeFor(int records) => TimeSpan.FromSeconds((double)records / Rate);
}

/// <summary>
/// Brings what is under an older seal key under the newest: the node's own secrets, and records, one at a time each in its own
/// transaction. It takes its places at the HSM in the line with everybody, few at once and at a bounded pace.
/// </summary>
/// <remarks>
/// It keeps no account of how far it came: what is left is what still names an older key. A crash at any point leaves every record under
/// the one key or the other, and both open; the next start goes on. A record that was changed meanwhile keeps the change, one that was
/// destroyed stays so (<see cref="ResealRule"/>).
/// </remarks>
internal sealed class Resealing
{
    private readonly IHsm _hsm;
    private readonly SqliteAccountStore _store;
    private readonly ResealPace _pace;
    private readonly KeyMetrics _metrics;
    private readonly ILogger _logger;
    private readonly CancellationToken _stop;
    private TaskCompletionSource _changed = NewSignal();
    private uint _target;

    /// <summary>Records that the last whole pass could not bring over.</summary>
    private long _left;

    // Also at a start: a crash may have come between a pass and its erasure.
    private volatile bool _unerased = true;

    /// <param name="hsm">What seals.</param>
    /// <param name="store">What is sealed.</param>
    /// <param name="pace">How fast.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="logger">Where it is told.</param>
    /// <param name="stop">Ends it, between two records.</param>
    internal Resealing(IHsm hsm, SqliteAccountStore store, ResealPace pace, KeyMetrics metrics, ILogger logger, CancellationToken stop)
    {
        (_hsm, _store, _pace, _metrics, _logger, _stop) = (hsm, store, pace, metrics, logger, stop);
        Ended = pace.Rate > 0 ? RunToEndAsync() : Task.CompletedTask;
    }

    /// <summary>Ends when it has stopped.</summary>
    internal Task Ended { get; }

    /// <summary>Says under which version of the seal key, the one in use, all is to be brought; 0 for none.</summary>
    internal void To(uint target)
    {
        if (Volatile.Read(ref _target) == target)
        {
            return;
        }

        Volatile.Write(ref _target, target);
        Interlocked.Exchange(ref _changed, NewSignal()).TrySetResult();
    }

    private async Task RunToEndAsync()
    {
        try
        {
            await RunAsync();
        }
        catch (Exception unforeseen) when (unforeseen is not OperationCanceledException)
        {
            KeyLog.ResealStopped(_logger, unforeseen);
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            // In this order: a change after the first line completes what the last one waits for.
            Task changed = Volatile.Read(ref _changed).Task;
            uint target = Volatile.Read(ref _target);
            await FinishAsync(target);
            await WaitAsync(changed, _pace.SecondLook);
            await FinishAsync(target);
            while (_left > 0 && !changed.IsCompleted)
            {
                await WaitAsync(changed, _pace.LookAgain);
                await FinishAsync(target);
            }

            await changed.WaitAsync(_stop);
        }
    }

    private async Task WaitAsync(Task changed, TimeSpan time)
    {
        await Task.WhenAny(changed, Task.Delay(time, TimeProvider.System, _stop));
        _stop.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// Goes over the records until none is left that can be brought under the target, whatever fails meanwhile; or until it is no more what
    /// all is to be brought under. For 0 only what was left to be erased is.
    /// </summary>
    private async Task FinishAsync(uint target)
    {
        bool paused = false;
        while (IsStill(target))
        {
            try
            {
                await RecordsAsync(target);

                // Last: with these under a key that is lost nothing opens any more, whatever is left under the older one.
                await SecretsAsync(target);
                await EraseAsync(target);
                return;
            }
            catch (Exception failure) when (failure is HsmException or StorageException)
            {
                if (!paused)
                {
                    KeyLog.ResealPauses(_logger, failure.Message.TrimEnd('.'));
                }

                paused = true;
                await Task.Delay(_pace.Pause, TimeProvider.System, _stop);
            }
        }
    }

    private bool IsStill(uint target) => Volatile.Read(ref _target) == target;

    private async Task SecretsAsync(uint target)
    {
        byte[] sealedNow = await _store.ReadSealedSecretsAsync(_stop);
        if (!BlobVersions.TryRead(sealedNow, out BlobVersions versions) || versions.Seal >= target)
        {
            return;
        }

        byte[]? resealed = await UnderAsync(target, admission => NodeSecrets.ResealAsync(_hsm, admission, _store.Node, sealedNow));
        if (resealed is not null && await _store.ReplaceSealedSecretsAsync(sealedNow, resealed, _stop))
        {
            _unerased = true;
            KeyLog.SecretsResealed(_logger, Label(target));
        }
    }

    private async Task RecordsAsync(uint target)
    {
        if (target == 0)
        {
            return;
        }

        KeyUse use = await _store.ReadKeyUseAsync(_stop);
        _metrics.Left(use.SealedBefore(target));
        if (use.SealedBefore(target) == 0)
        {
            _left = 0;
            return;
        }

        KeyLog.ResealBegins(_logger, use.SealedBefore(target), Label(target));
        var pass = new Pass(target);
        for (List<StoredPart> page = await PageAsync(long.MinValue); page.Count > 0 && IsStill(target); page = await PageAsync(page[^1].Id))
        {
            foreach (StoredPart[] some in page.Where(p => p.SealVersion > 0 && p.SealVersion < target).Chunk(_pace.AtOnce).TakeWhile(_ => IsStill(target)))
            {
                await Task.WhenAll(Task.WhenAll(some.Select(part => RecordAsync(part, pass))), Task.Delay(_pace.TimeFor(some.Length), TimeProvider.System, _stop));
            }
        }

        if (IsStill(target))
        {
            Say(pass);
        }
    }

    /// <summary>Rids the write-ahead log of the former parts. A reader may keep it from that, for as long as it reads.</summary>
    private async Task EraseAsync(uint target)
    {
        while (_unerased && IsStill(target))
        {
            _unerased = !await _store.TruncateLogAsync(_stop);
            if (_unerased)
            {
                await Task.Delay(_pace.Pause, TimeProvider.System, _stop);
            }
        }
    }

    /// <summary>
    /// Has a blob sealed under the target and no other key: a process of the HSM may not know it yet, or seal under a newer one already that
    /// the operator has not allowed this for. Then this waits until that has passed.
    /// </summary>
    /// <returns>The blob under the target; null once that is no more what all is to be brought under.</returns>
    private async Task<byte[]?> UnderAsync(uint target, Func<HsmAdmission, ValueTask<byte[]>> reseal)
    {
        while (IsStill(target))
        {
            byte[] resealed;
            using (HsmAdmission admission = await AdmitAsync())
            {
                resealed = await reseal(admission);
            }

            if (BlobVersions.TryRead(resealed, out BlobVersions versions) && versions.Seal == target && IsStill(target))
            {
                return resealed;
            }

            await Task.Delay(_pace.Pause, TimeProvider.System, _stop);
        }

        return null;
    }

    private Task<List<StoredPart>> PageAsync(long after) => _store.ReadPartsAsync(after, _stop);

    private async Task RecordAsync(StoredPart part, Pass pass)
    {
        try
        {
            byte[]? resealed = await UnderAsync(
                pass.Target, admission => _hsm.ResealAsync(admission, part.Part, HsmContext.OfRecord(_store.Node, part.Row, part.Record)));
            if (resealed is null)
            {
                return;
            }

            // A crash before this commit leaves the old part, after it the new one.
            Decision<StateAnswer> decision = await _store.DecidePatientlyAsync(
                part.Row, now => ResealRule.Decide(now, part.Record, part.Part, resealed), _stop);
            if (decision.Change is not null)
            {
                _unerased = true;
                pass.Done();
                _metrics.Resealed();
            }
        }
        catch (Exception failure) when (failure is HsmException { Class: HsmErrorClass.Data } or StorageException { Fault: StorageFault.Tampered })
        {
            pass.Left();
            _metrics.Failed();
        }
    }

    /// <summary>A place at the HSM; where there is none in time, users are waiting for one, and this comes again later.</summary>
    private async Task<HsmAdmission> AdmitAsync()
    {
        while (true)
        {
            if (await _hsm.AdmitAsync(_stop) is { } admission)
            {
                return admission;
            }

            await Task.Delay(_pace.Pause, TimeProvider.System, _stop);
        }
    }

    private void Say(Pass pass)
    {
        KeyLog.ResealEnds(_logger, pass.DoneCount, Label(pass.Target));
        if (pass.LeftCount > 0 && pass.LeftCount != _left)
        {
            KeyLog.ResealLeaves(_logger, pass.LeftCount);
        }

        _left = pass.LeftCount;
    }

    private static string Label(uint target) => TokenKeys.LabelOf(KeyPurpose.Seal, target);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What one way through the records came to.</summary>
    private sealed class Pass(uint target)
    {
        private long _done;
        private long _left;

        internal uint Target => target;

        internal long DoneCount => Interlocked.Read(ref _done);

        internal long LeftCount => Interlocked.Read(ref _left);

        internal void Done() => Interlocked.Increment(ref _done);

        internal void Left() => Interlocked.Increment(ref _left);
    }
}
