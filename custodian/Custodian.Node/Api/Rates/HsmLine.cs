using Custodian.Pkcs11;
using Custodian.Protocol;

namespace Custodian.Node.Api.Rates;

/// <summary>A place at the HSM, counted against its account until it is disposed.</summary>
internal sealed class HsmPlace(HsmAdmission admission, AccountLines<AccountId> lines, AccountId account) : IDisposable
{
    internal HsmAdmission Admission => admission;

    public void Dispose()
    {
        admission.Dispose();
        lines.Leave(account);
    }
}

/// <summary>
/// The way of every call to the HSM. The HSM knows no accounts and serves callers as they come, so that one account with many calls at
/// once could fill its places and the line for them: each account has only a share of those, and a line of its own for what is beyond.
/// </summary>
internal sealed class HsmLine(IHsm hsm, CallLimits limits, ApiMetrics metrics, TimeProvider time)
{
    private readonly AccountLines<AccountId> _accounts = new(limits.HsmShareOfAccount, limits.HsmCallsOfAccount);

    /// <summary>A place, or null: then the call is OVERLOADED.</summary>
    internal async ValueTask<HsmPlace?> EnterAsync(AccountId account, CancellationToken waiting)
    {
        if (!await EnterLineAsync(account, waiting))
        {
            metrics.Overloaded("account_hsm_calls");
            return null;
        }

        HsmAdmission? admission = null;
        try
        {
            admission = await hsm.AdmitAsync(waiting);
        }
        finally
        {
            if (admission is null)
            {
                _accounts.Leave(account);
            }
        }

        if (admission is null)
        {
            metrics.Overloaded("hsm");
            return null;
        }

        return new HsmPlace(admission, _accounts, account);
    }

    /// <summary>Waits among the account's own calls, as long as the HSM's line would let it wait.</summary>
    private async ValueTask<bool> EnterLineAsync(AccountId account, CancellationToken waiting)
    {
        using var limit = new CancellationTokenSource(limits.HsmWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(waiting, limit.Token);
        try
        {
            return await _accounts.EnterAsync(account, either.Token);
        }
        catch (OperationCanceledException) when (!waiting.IsCancellationRequested)
        {
            return false;
        }
    }
}
