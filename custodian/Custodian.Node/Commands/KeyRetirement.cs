using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;

namespace Custodian.Node.Commands;

/// <summary>Whether a version of a key may be destroyed: what still refers to it, in words for an operator.</summary>
/// <param name="Standing">The keys in the token, and those that the database lists.</param>
/// <param name="Use">What of the database is under which.</param>
/// <param name="ResealedMs">When a record was last sealed anew, if that was within <paramref name="CallTime"/>.</param>
/// <param name="CallTime">Longer than any call has a sealed part in its hands.</param>
internal sealed record KeyRetirement(KeyStanding Standing, KeyUse Use, long? ResealedMs, TimeSpan CallTime)
{
    /// <summary>When the last key is over that a client may hold under an older version; null while no node uses the newest.</summary>
    internal long? PreparedUntilMs(KeyPurpose purpose) => Standing.Newest(purpose) is { } newest && Use.FirstUseMs.TryGetValue((purpose, newest), out long since)
        ? since + (long)(Limits.SealedKeyLifetime + CallTime).TotalMilliseconds
        : null;

    /// <summary>Everything that stands in the way; empty when nothing refers to the version.</summary>
    internal IEnumerable<string> Hindrances(KeyPurpose purpose, uint version, long nowMs)
    {
        if (Standing.Refusal is { } refusal)
        {
            yield return refusal;
            yield break;
        }

        if (version == Standing.Newest(purpose))
        {
            yield return "it is the newest, which all that is new is under; make another first with 'custodian keys rotate'";
        }

        if (purpose == KeyPurpose.Audit)
        {
            yield break;
        }

        if (Use.Under(purpose, version) is > 0 and var records)
        {
            yield return $"{records} records are under it; {(purpose == KeyPurpose.Seal ? OfSeal : OfWrap)}";
        }

        if (Use.HoldsSecrets(purpose, version))
        {
            yield return "the node's own secrets are under it; a serving node brings them under the newest, last, after 'custodian keys reseal'";
        }

        if (Use.Unreadable > 0)
        {
            yield return $"{Use.Unreadable} records do not say what they are under; 'custodian verify' names them";
        }

        foreach (string young in OfTime(purpose, nowMs))
        {
            yield return young;
        }
    }

    private const string OfSeal = "a serving node brings them under the newest after 'custodian keys reseal' ('custodian keys list' counts those that are left)";

    private const string OfWrap = "each leaves it when its user changes the secret or enrols anew, or is destroyed";

    private IEnumerable<string> OfTime(KeyPurpose purpose, long nowMs)
    {
        if (PreparedUntilMs(purpose) is not { } until)
        {
            yield return "no serving node has begun to use the newest version yet; it does within seconds of its start";
        }
        else if (nowMs < until)
        {
            yield return $"clients that are enrolling may hold keys under it until {Restoration.Said(until)}";
        }

        if (purpose == KeyPurpose.Seal && ResealedMs is { } last && nowMs < last + CallTime.TotalMilliseconds)
        {
            yield return $"records were sealed anew until {Restoration.Said(last)}, and calls may hold the former parts for {CallTime.TotalSeconds:0} s";
        }
    }
}
