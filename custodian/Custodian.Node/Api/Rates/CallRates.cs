using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Access;
using Custodian.Protocol;

namespace Custodian.Node.Api.Rates;

/// <summary>
/// Who has called too often. The address is asked before the token, since checking a signature is the dearest thing that a stranger can
/// make a node do; account and issuer after it, since only a good token tells them.
/// </summary>
internal sealed class CallRates(CallLimits limits, ApiMetrics metrics, TimeProvider time)
{
    private const int RememberedAddresses = 65_536;
    private const int RememberedAccounts = 65_536;
    private const int RememberedIssuers = 1_024;

    private readonly Buckets _addresses = new(limits.Address, RememberedAddresses, time);
    private readonly Buckets _accounts = new(limits.Account, RememberedAccounts, time);
    private readonly Buckets _issuers = new(limits.Issuer, RememberedIssuers, time);

    /// <summary>OVERLOADED, or null.</summary>
    internal Refusal? ByAddress(IPAddress? address) => Refusal(_addresses.Take(ClientAddress.KeyOf(address)), "address");

    /// <summary>OVERLOADED, or null. The account comes first: one that floods takes nothing of what its issuer has for the others.</summary>
    internal Refusal? ByCaller(Caller caller) =>
        Refusal(_accounts.Take(KeyOf(caller.Issuer, caller.Subject)), "account")
        ?? Refusal(_issuers.Take(KeyOf(caller.Issuer, "")), "issuer");

    private Refusal? Refusal(TimeSpan? wait, string limit)
    {
        if (wait is not { } time)
        {
            return null;
        }

        metrics.Overloaded(limit);
        return Overload.Until(time);
    }

    // Names may be long; what is kept of them is not, and nobody finds two that share sixteen bytes of it.
    private static UInt128 KeyOf(string issuer, string subject)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(new LengthPrefixed("custodian/v1 caller").Lp(issuer).Lp(subject).ToArray(), digest);
        return BinaryPrimitives.ReadUInt128BigEndian(digest);
    }
}
