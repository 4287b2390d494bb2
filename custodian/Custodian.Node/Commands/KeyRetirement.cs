using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;

namespace Custodian.Node.Commands;

/// <summary>Whether a version of a key may be destroyed: what still refers to it, in words for an operator.</summary>
/// <param name="Standing">The keys in the token, and those that the database lists.</param>
/// <param name="Use">What of the database is under which.</param>
/// <param name="ResealedMs">When a record was last sealed anew, if that was after <paramref name="CallTime"/> before the time that this is of.</param>
/// <param name="AsOfMs">
/// The time that this is of, Unix milliseconds: before anything was counted. A record that was stored while it was counted may be in no
/// count, so that what time rules out must have been ruled out by then.
/// </param>
/// <param name="CallTime">Longer than any call has a sealed part in its hands.</param>
internal sealed record KeyRetirement(KeyStanding Standing, KeyUse Use, long? ResealedMs, long AsOfMs, TimeSpan CallTime)
{
    /// <summary>When the last key is over that a client may hold under an older version; null while no node uses the newest.</summary>
    internal long? PreparedUntilMs(KeyPurpose purpose) => Standing.Newest(purpose) is { } newest && Use.FirstUseMs.TryGetValue((purpose, newest), out long since)
        ? since + (long)(Limits.SealedKeyLifetime + CallTime).TotalMilliseconds
        : null;

    /// <summary>
    /// Versions that a node took to after it had used the newest: it lost sight of that. What it makes under them until it sees the newest
    /// again, no count of before has.
    /// </summary>
    private IEnumerable<(uint Version, long SinceMs)> UsedAfterNewest(KeyPurpose purpose) =>
        Standing.Newest(purpose) is { } newest && Use.FirstUseMs.TryGetValue((purpose, newest), out long since)
            ? Use.FirstUseMs.Where(u => u.Key.Purpose == purpose && u.Key.Version != newest && u.Value > since).Select(u => (u.Key.Version, u.Value)).Order()
            : [];

    /// <summary>Everything that stands in the way; empty when nothing refers to the version.</summary>
    internal IEnumerable<string> Hindrances(KeyPurpose purpose, uint version)
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

        foreach (string young in OfTime(purpose))
        {
            yield return young;
        }
    }

    private const string OfSeal = "a serving node brings them under the newest after 'custodian keys reseal' ('custodian keys list' counts those that are left)";

    private const string OfWrap = "each leaves it when its user changes the secret or enrols anew, or is destroyed";

    private IEnumerable<string> OfTime(KeyPurpose purpose)
    {
        if (PreparedUntilMs(purpose) is not { } until)
        {
            yield return "no serving node has begun to use the newest version yet; it does within seconds of its start";
        }
        else if (AsOfMs < until)
        {
            yield return $"clients that are enrolling may hold keys under it until {Restoration.Said(until)}";
        }

        foreach ((uint other, long since) in UsedAfterNewest(purpose))
        {
            yield return
                $"since {Restoration.Said(since)} a serving node makes new things under {TokenKeys.LabelOf(purpose, other)} again: its process of the HSM does not "
                + $"see {TokenKeys.LabelOf(purpose, Standing.Newest(purpose)!.Value)}; end that process, 'custodian hsm-host', or restart the node, and wait until "
                + "'custodian keys list' says that the newest is in use since later";
        }

        if (purpose == KeyPurpose.Seal && ResealedMs is { } last && AsOfMs < last + CallTime.TotalMilliseconds)
        {
            yield return $"records were sealed anew until {Restoration.Said(last)}, and calls may hold the former parts for {CallTime.TotalSeconds:0} s";
        }
    }
}
