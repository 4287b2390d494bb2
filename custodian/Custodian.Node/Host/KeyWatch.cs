using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Host;

/// <summary>
/// Looks which versions of its keys the HSM has, every few seconds and as soon as the list in the database has changed, since an operator
/// makes and retires them in another process; notes in the database since when new blobs are under which; and, once the operator has said
/// so, has what is under an older seal key brought under the newest. New things are made under keys that the database lists, and no others.
/// </summary>
internal sealed class KeyWatch : IAsyncDisposable
{
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(5);

    /// <summary>From one glance at the list to the next: one row read, and nothing asked of the HSM.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(250);

    /// <summary>For a minute a rotation may have made its key and not listed it yet: nothing to trouble anyone with.</summary>
    private const int LooksBeforeSaying = 12;

    private readonly IHsm _hsm;
    private readonly SqliteAccountStore _store;
    private readonly Resealing _resealing;
    private readonly ILogger _logger;
    private readonly TimeSpan _interval;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;
    private Dictionary<UnusedKey, int> _seen = [];
    private KeyList? _list;
    private IReadOnlyList<TokenKey> _listed = [];
    private KeyInventory? _noted;
    private string? _refused;
    private int _failures;

    /// <param name="hsm">Whose keys.</param>
    /// <param name="store">Where they are listed, and what is under them.</param>
    /// <param name="pace">How fast records are brought under a new seal key.</param>
    /// <param name="metrics">Where that is counted.</param>
    /// <param name="logger">Where it is told.</param>
    /// <param name="interval">How long from one look to the next; null for five seconds.</param>
    internal KeyWatch(IHsm hsm, SqliteAccountStore store, ResealPace pace, KeyMetrics metrics, ILogger logger, TimeSpan? interval = null)
    {
        (_hsm, _store, _logger, _interval) = (hsm, store, logger, interval ?? Often);
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

            await UntilNextAsync();
        }
    }

    /// <summary>Until the interval has passed, or the list is another than at the last look.</summary>
    private async Task UntilNextAsync()
    {
        long began = TimeProvider.System.GetTimestamp();
        do
        {
            await Task.Delay(_interval < Glance ? _interval : Glance, TimeProvider.System, _stop.Token);
        }
        while (TimeProvider.System.GetElapsedTime(began) < _interval && !await IsListChangedAsync());
    }

    private async Task<bool> IsListChangedAsync()
    {
        try
        {
            KeyList? list = await _store.ReadKeyListAsync(_stop.Token);
            return !(list?.Keys ?? []).SequenceEqual(_list?.Keys ?? []);
        }
        catch (StorageException)
        {
            return false;
        }
    }

    private async Task LookAsync()
    {
        try
        {
            KeyList? list = _list = await _store.ReadKeyListAsync(_stop.Token);
            if (list is not null && _listed.Except(list.Authorised).Any())
            {
                SayRefused(KeyStanding.Shorter);
                _resealing.To(0);
                return;
            }

            _listed = list?.Authorised ?? _listed;
            KeyStanding standing = await KeyStanding.ReadAsync(list, await _store.ReadSealedSecretsAsync(_stop.Token), _hsm).WaitAsync(_stop.Token);
            _failures = 0;
            Say(standing);
            if (standing.Refusal is null)
            {
                uint newest = standing.Keys.Newest(KeyPurpose.Seal);
                _resealing.To(standing.List!.MayReseal(newest) ? newest : 0);
                await NoteAsync(standing.Keys);
            }
            else
            {
                // The node goes on with the keys that it had, and brings nothing under them that is not.
                _resealing.To(0);
            }
        }
        catch (HsmException failure)
        {
            // That the HSM is away the canary notices, and says; what fails for a minute is said here as well.
            if (failure.IsOfBadKeys || ++_failures == LooksBeforeSaying)
            {
                SayRefused(failure.Message.TrimEnd('.'));
                _resealing.To(0);
            }
        }
        catch (StorageException)
        {
            // The next look notes it; until then no version that was in use before is retired.
        }
    }

    private async Task NoteAsync(KeyInventory keys)
    {
        if (_noted is { } noted && noted.InUse.SequenceEqual(keys.InUse))
        {
            return;
        }

        // After the HSM has begun to use them: whoever holds a key prepared under an older version had it before this time.
        await _store.NoteKeyUseAsync(keys, _stop.Token);
        KeyLog.InUse(_logger, LabelOf(keys, KeyPurpose.Seal), LabelOf(keys, KeyPurpose.Wrap), LabelOf(keys, KeyPurpose.Audit));
        _noted = keys;
    }

    /// <summary>Each key once, and each reason why the node goes on with the keys of before.</summary>
    private void Say(KeyStanding standing)
    {
        _seen = standing.Remarkable().Distinct().ToDictionary(key => key, key => _seen.GetValueOrDefault(key) + 1);
        foreach (UnusedKey key in _seen.Where(s => s.Value == LooksBeforeSaying).Select(s => s.Key))
        {
            KeyLog.Remarkable(_logger, key.Label, key.Why);
        }

        SayRefused(standing.Refusal);
    }

    private void SayRefused(string? refusal)
    {
        if (refusal is not null && refusal != _refused)
        {
            KeyLog.NotTaken(_logger, refusal);
        }

        _refused = refusal;
    }

    private static string LabelOf(KeyInventory keys, KeyPurpose purpose) =>
        keys.InUse.FirstOrDefault(key => key.Purpose == purpose) is { } used ? TokenKeys.LabelOf(used) : "none";
}
