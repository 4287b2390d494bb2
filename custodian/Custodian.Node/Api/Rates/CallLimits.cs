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

    /// <summary>Calls of one account at once that are at the HSM or in any line for it.</summary>
    internal int HsmCallsOfAccount { get; init; }

    /// <summary>How many of those are at the HSM or in the line that all accounts share; the rest wait among themselves.</summary>
    internal int HsmShareOfAccount { get; init; }

    /// <summary>How long a call may wait among those of its own account. Default 2 s.</summary>
    internal TimeSpan HsmWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Streams of <c>grpc.health.v1.Health/Watch</c> at once.</summary>
    internal int Watches { get; init; }

    /// <summary>The same from one client address.</summary>
    internal int WatchesOfAddress { get; init; }
}
