using Custodian.Pkcs11;
using Custodian.Protocol;

namespace Custodian.Node.Api.Rates;

/// <summary>A place at the HSM, counted against its account until it is disposed.</summary>
internal sealed class HsmPlace(HsmAdmission admission, Places<AccountId> places, AccountId account) : IDisposable
{
    internal HsmAdmission Admission => admission;

    public void Dispose()
    {
        admission.Dispose();
        places.GiveBack(account);
    }
}

/// <summary>
/// The way of every call to the HSM. The HSM knows no accounts and serves callers as they come, so that one account with many calls at
/// once could hold its every place: each account has only so many here, waiting included.
/// </summary>
internal sealed class HsmLine(IHsm hsm, CallLimits limits, ApiMetrics metrics)
{
    private readonly Places<AccountId> _places = new(limits.HsmCallsOfAccount);

    /// <summary>A place, or null: then the call is OVERLOADED.</summary>
    internal async ValueTask<HsmPlace?> EnterAsync(AccountId account, CancellationToken waiting)
    {
        if (!_places.TryTake(account))
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
                _places.GiveBack(account);
            }
        }

        if (admission is null)
        {
            metrics.Overloaded("hsm");
            return null;
        }

        return new HsmPlace(admission, _places, account);
    }
}
