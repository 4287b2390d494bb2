using Custodian.Core;

namespace Custodian.Node.Api.Rates;

/// <summary>How many calls are under way at once, in all and by address: what bounds the memory that requests and waiting work take.</summary>
internal sealed class CallPlaces(CallLimits limits, ApiMetrics metrics)
{
    private readonly Places<UInt128> _ofAddress = new(limits.CallsOfAddress);
    private readonly Places<int> _ofAll = new(limits.Calls);

    /// <summary>Takes a place for a call of an address.</summary>
    /// <returns>null when there was one; otherwise OVERLOADED.</returns>
    internal Refusal? TryTake(UInt128 address)
    {
        if (!_ofAddress.TryTake(address))
        {
            metrics.Overloaded("address_calls");
            return Overload.Refusal;
        }

        if (!_ofAll.TryTake(0))
        {
            _ofAddress.GiveBack(address);
            metrics.Overloaded("calls");
            return Overload.Refusal;
        }

        return null;
    }

    internal void GiveBack(UInt128 address)
    {
        _ofAll.GiveBack(0);
        _ofAddress.GiveBack(address);
    }
}
