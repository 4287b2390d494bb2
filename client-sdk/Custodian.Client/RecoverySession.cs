using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// A recovery that is prepared: connected, and described while the user types. It can be tried with several secrets, one after the other.
/// Dispose it when done; settlements of a recovery go on.
/// </summary>
public sealed class RecoverySession : IDisposable
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ShortestFreshness = TimeSpan.FromSeconds(1);

    private readonly Operation _operation;
    private Survey _survey;
    private bool _isTried;
    private int _isBusy;

    private RecoverySession(Operation operation, Survey survey, HeldRecord chosen) =>
        (_operation, _survey, Record) = (operation, survey, RecordSummary.Of(chosen.Header));

    /// <summary>What the nodes show; knows more each time, as slow nodes answer.</summary>
    public AccountDescription Account => AccountReading.Describe(_operation, _survey.View());

    /// <summary>The record that will be tried first.</summary>
    public RecordSummary Record { get; private set; }

    /// <summary>How many attempts are left: the threshold-th highest count over the nodes (protocol.md section 14).</summary>
    public int AttemptsLeft => _survey.View().Choice.Chosen?.AttemptsLeft ?? 0;

    /// <summary>How long the next attempt has to wait; zero for not at all, null when no attempt is left.</summary>
    public TimeSpan? Delay => _survey.View().Choice.Chosen?.Wait is { } wait ? Max(wait - Age, TimeSpan.Zero) : null;

    /// <summary>How each node has fared so far.</summary>
    public IReadOnlyDictionary<NodeId, NodeOutcome> Nodes => _survey.View().Outcomes;

    private TimeSpan Age => _operation.Core.Options.TimeProvider.GetElapsedTime(_survey.Started);

    /// <summary>Recovers the key with the user's secret.</summary>
    /// <param name="secret">What the user typed. It is copied before this returns, into memory that is zeroed; the caller zeroes its own.</param>
    /// <param name="cancellation">Cancels. Attempts that were sent stay charged until the next recovery.</param>
    /// <exception cref="UnsupportedSecretException">The secret cannot be used; thrown at once.</exception>
    /// <exception cref="WrongSecretException">The secret is wrong, or a node is faulty.</exception>
    /// <exception cref="LockedException">No attempt can be made now.</exception>
    /// <exception cref="RecordNotFoundException">The record was deleted meanwhile.</exception>
    /// <exception cref="TooFewNodesException">Too few nodes answered.</exception>
    /// <exception cref="TokenRejectedException">Too few nodes took the tokens.</exception>
    /// <exception cref="DamagedRecordException">The secret is right, and the record was made wrongly.</exception>
    /// <exception cref="InvalidOperationException">Another call of this session still runs.</exception>
    public Task<RecoverResult> RecoverAsync(ReadOnlySpan<char> secret, CancellationToken cancellation = default) =>
        RecoverAsync(CustodianClient.Normalise(secret), cancellation);

    /// <summary>Leaves nodes alone that have not answered.</summary>
    public void Dispose() => _survey.Dispose();

    /// <summary>Connects to the nodes and asks them, until enough is seen.</summary>
    /// <param name="operation">For whom.</param>
    /// <param name="isShown">Whether it is shown while the secret is typed; else the secret is there and waits.</param>
    /// <param name="cancellation">Cancels.</param>
    internal static async Task<RecoverySession> PrepareAsync(Operation operation, bool isShown, CancellationToken cancellation)
    {
        Survey survey = Survey.Start(operation);
        try
        {
            await survey.EnoughAsync(isShown, cancellation).ConfigureAwait(false);
            return new RecoverySession(operation, survey, AccountReading.ChosenOrThrow(operation, survey.View()));
        }
        catch
        {
            survey.Dispose();
            throw;
        }
    }

    /// <summary>Takes the secret over, and opens the record it is for.</summary>
    internal async Task<Recovered> OpenAsync(SecretBytes utf8, CancellationToken cancellation)
    {
        using SecretBytes owned = utf8;
        if (Interlocked.Exchange(ref _isBusy, 1) == 1)
        {
            throw new InvalidOperationException("another recovery of this session still runs");
        }

        try
        {
            await FreshenAsync(cancellation).ConfigureAwait(false);
            _isTried = true;
            Trial trial = await new RecoveryFlow(_operation, _survey).RunAsync(utf8, cancellation).ConfigureAwait(false);

            // A newer record may have turned up meanwhile: then this is an older one.
            return Recovered.Open(_operation, _survey.View(), trial);
        }
        catch (WrongSecretException wrong)
        {
            throw await WithDelayAsync(wrong, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _isBusy, 0);
        }
    }

    internal async Task<RecoverResult> RecoverAsync(SecretBytes utf8, CancellationToken cancellation)
    {
        using Recovered recovered = await OpenAsync(utf8, cancellation).ConfigureAwait(false);
        return new RecoverResult(recovered);
    }

    /// <summary>What the nodes show now: counts and delays change with every try, and while the user types.</summary>
    private async Task FreshenAsync(CancellationToken cancellation)
    {
        if (_isTried || Age > Freshness || (!_survey.View().IsUsable() && Age > ShortestFreshness))
        {
            await RefreshAsync(isShown: false, cancellation).ConfigureAwait(false);
        }

        Record = RecordSummary.Of(AccountReading.ChosenOrThrow(_operation, _survey.View()).Header);
    }

    private async Task RefreshAsync(bool isShown, CancellationToken cancellation)
    {
        _survey.Dispose();
        _survey = Survey.Start(_operation);
        await _survey.EnoughAsync(isShown, cancellation).ConfigureAwait(false);
    }

    /// <summary>The same error with the delay that the wrong secret brought, which only a Describe tells.</summary>
    private async Task<WrongSecretException> WithDelayAsync(WrongSecretException wrong, CancellationToken cancellation)
    {
        await RefreshAsync(isShown: true, cancellation).ConfigureAwait(false);
        return new WrongSecretException(wrong.AttemptsLeft, _survey.View().Choice.Chosen?.Wait, wrong.IsCertain, wrong.Nodes);
    }

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
