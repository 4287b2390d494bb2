using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Host;

/// <summary>
/// Looks every few seconds which versions of its keys the HSM has, since an operator makes and retires them in another process; notes in
/// the database since when new blobs are under which; and, once the operator has said so, has what is under an older seal key brought
/// under the newest. Only versions that the database authorises are used.
/// </summary>
internal sealed class KeyWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly IHsm _hsm;
    private readonly SqliteAccountStore _store;
    private readonly Resealing _resealing;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;
    private readonly HashSet<UnusedKey> _saidUnused = [];
    private KeyInventory? _noted;
    private string? _refused;

    internal KeyWatch(IHsm hsm, SqliteAccountStore store, ResealPace pace, KeyMetrics metrics, ILogger logger)
    {
        (_hsm, _store, _logger) = (hsm, store, logger);
        _resealing = new Resealing(hsm, store, pace, metrics, logger, _stop.Token);
        _watch = WatchAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _resealing.Ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        await Task.Yield();
        while (true)
        {
            try
            {
                await LookAsync();
            }
            catch (Exception unforeseen) when (unforeseen is not OperationCanceledException)
            {
                KeyLog.LookFailed(_logger, unforeseen);
            }

            await Task.Delay(Interval, TimeProvider.System, _stop.Token);
        }
    }

    private async Task LookAsync()
    {
        try
        {
            KeyAuthorities authorities = await _store.ReadKeyAuthoritiesAsync(_stop.Token);
            HoldBack(authorities);
            KeyInventory keys = await _hsm.RefreshKeysAsync(authorities.Keys).AsTask().WaitAsync(_stop.Token);
            _refused = null;
            SayUnused(keys, authorities.Forged);
            await NoteAsync(keys);
            _resealing.To(authorities.MayReseal(keys.Newest(KeyPurpose.Seal)) ? keys.Newest(KeyPurpose.Seal) : 0);
        }
        catch (HsmException failure)
        {
            Say(failure);
        }
        catch (StorageException)
        {
            // The next look notes it; until then no version that was in use before is retired.
        }
    }

    private async Task NoteAsync(KeyInventory keys)
    {
        if (_noted is { } noted && Enum.GetValues<KeyPurpose>().All(p => noted.Newest(p) == keys.Newest(p)))
        {
            return;
        }

        // After the HSM has begun to use them: whoever holds a key prepared under an older version had it before this time.
        await _store.NoteKeyUseAsync(keys, _stop.Token);
        KeyLog.InUse(_logger, LabelOf(keys, KeyPurpose.Seal), LabelOf(keys, KeyPurpose.Wrap), LabelOf(keys, KeyPurpose.Audit));
        _noted = keys;
    }

    /// <summary>Before the HSM seals under a version that was just made, so that nothing old goes under it until the operator says so.</summary>
    private void HoldBack(KeyAuthorities authorities)
    {
        uint newest = authorities.Keys.Where(k => k.Purpose == KeyPurpose.Seal).Select(k => k.Version).DefaultIfEmpty().Max();
        if (!authorities.MayReseal(newest))
        {
            _resealing.To(0);
        }
    }

    /// <summary>Each once.</summary>
    private void SayUnused(KeyInventory keys, int forged)
    {
        foreach (UnusedKey key in keys.Unused.Where(_saidUnused.Add))
        {
            KeyLog.Unused(_logger, key.Label, key.Why);
        }

        if (forged > 0 && _saidUnused.Add(new UnusedKey("key_versions", "")))
        {
            KeyLog.Forged(_logger, forged);
        }
    }

    private static string LabelOf(KeyInventory keys, KeyPurpose purpose) => TokenKeys.LabelOf(purpose, keys.Newest(purpose));

    /// <summary>Once for each reason. That the HSM is away the canary notices, and says.</summary>
    private void Say(HsmException failure)
    {
        if (failure.IsOfBadKeys && failure.Message != _refused)
        {
            _refused = failure.Message;
            KeyLog.NotTaken(_logger, failure.Message.TrimEnd('.'));
        }
    }
}
