namespace Custodian.Node.Api.Rates;

/// <summary>How much a node takes on, and from whom. 0 sets no limit anywhere; by default nothing is limited, the configuration says what is.</summary>
internal sealed record CallLimits
{
    /// <summary>Calls from one client address, whatever their token; IPv6 addresses count by their /64.</summary>
    internal Rate Address { get; init; } = Rate.None;

    /// <summary>Calls with good tokens of one issuer and subject.</summary>
    internal Rate Account { get; init; } = Rate.None;

    /// <summary>Calls with good tokens of one issuer.</summary>
    internal Rate Issuer { get; init; } = Rate.None;

    /// <summary>Calls at once, all together.</summary>
    internal int Calls { get; init; }

    /// <summary>Calls at once from one client address.</summary>
    internal int CallsOfAddress { get; init; }

    /// <summary>Calls of one account at once that are at the HSM or wait for it.</summary>
    internal int HsmCallsOfAccount { get; init; }

    /// <summary>Streams of <c>grpc.health.v1.Health/Watch</c> at once.</summary>
    internal int Watches { get; init; }
}
