using Custodian.Node.Api.Rates;

namespace Custodian.Node.Host;

/// <summary>How much a node takes on, as <c>limits:*</c> says it.</summary>
/// <param name="Connections">Connections at once; further ones are closed unanswered.</param>
/// <param name="AddressConnections">Of those, from one client address; 0 sets no limit.</param>
/// <param name="Calls">What calls are held against.</param>
internal sealed record LimitSettings(int Connections, int AddressConnections, CallLimits Calls)
{
    private const int MostPerSecond = 1_000_000;
    private const int MostAtOnce = 1_000_000;

    internal static LimitSettings Read(SettingsReader settings, HsmSettings hsm) => new(
        settings.Number("limits:connections", 10_000, 1, MostAtOnce),
        settings.Number("limits:address_connections", 1000, 0, MostAtOnce),
        new CallLimits
        {
            Address = ReadRate(settings, "address", 1000, 4000),
            Account = ReadRate(settings, "account", 50, 500),
            Issuer = ReadRate(settings, "issuer", 0, 1000),
            Calls = settings.Number("limits:calls", 2000, 1, MostAtOnce),
            CallsOfAddress = settings.Number("limits:address_calls", 500, 0, MostAtOnce),
            HsmCallsOfAccount = settings.Number("limits:account_hsm_calls", 64, 0, MostAtOnce),
            HsmShareOfAccount = settings.Number("limits:account_hsm_share", Math.Max(1, hsm.MaxAdmitted / 4), 0, MostAtOnce),
            HsmWait = TimeSpan.FromMilliseconds(hsm.WaitMs),
            Watches = settings.Number("limits:watches", 100, 1, MostAtOnce),
            WatchesOfAddress = settings.Number("limits:address_watches", 20, 0, MostAtOnce),
        });

    private static Rate ReadRate(SettingsReader settings, string whose, int perSecond, int burst) => new(
        settings.Number($"limits:{whose}_rate", perSecond, 0, MostPerSecond),
        settings.Number($"limits:{whose}_burst", burst, 1, MostPerSecond));
}
