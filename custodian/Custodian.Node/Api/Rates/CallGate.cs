using Custodian.Core;

namespace Custodian.Node.Api.Rates;

/// <summary>
/// Stands before a call's request is read: counts it against its address and against the calls at once. A call that finds no place goes on
/// with an empty message and a mark, and is refused before its token is looked at; what it sent stays unread.
/// </summary>
internal sealed class CallGate(RequestDelegate next, CallRates rates, CallPlaces places)
{
    private static readonly object Mark = new();

    /// <summary>Puts this in front of every method of a service, and of whatever else was put there before.</summary>
    internal static void Guard(IEndpointConventionBuilder service, CallRates rates, CallPlaces places) => service.Add(endpoint =>
    {
        if (endpoint.RequestDelegate is { } call)
        {
            endpoint.RequestDelegate = new CallGate(call, rates, places).InvokeAsync;
        }
    });

    /// <summary>Why this call must be refused before anything else is done for it, or null.</summary>
    internal static Refusal? RefusalOf(HttpContext context) => context.Items.TryGetValue(Mark, out object? refusal) ? (Refusal?)refusal : null;

    private async Task InvokeAsync(HttpContext context)
    {
        UInt128 address = ClientAddress.KeyOf(context.Connection.RemoteIpAddress);
        if (rates.ByAddress(context.Connection.RemoteIpAddress) is { } often)
        {
            await RefuseAsync(context, often);
        }
        else if (places.TryTake(address) is { } full)
        {
            await RefuseAsync(context, full);
        }
        else
        {
            await PassAsync(context, address);
        }
    }

    private async Task PassAsync(HttpContext context, UInt128 address)
    {
        try
        {
            await next(context);
        }
        finally
        {
            places.GiveBack(address);
        }
    }

    private Task RefuseAsync(HttpContext context, Refusal refusal)
    {
        context.Items[Mark] = refusal;
        RequestFraming.Empty(context);
        return next(context);
    }
}
