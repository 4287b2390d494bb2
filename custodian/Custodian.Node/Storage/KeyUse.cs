using System.Collections.Immutable;
using Custodian.Pkcs11;

namespace Custodian.Node.Storage;

/// <summary>Live records whose sealed parts name the same key versions.</summary>
internal sealed record RecordsUnder(BlobVersions Versions, long Count);

/// <summary>What of a database is under which versions of the HSM's keys, as the blobs say in the clear.</summary>
/// <param name="Records">The live records, by the versions that they name.</param>
/// <param name="Unreadable">Live records whose sealed part names no version: damaged or edited.</param>
/// <param name="Secrets">What the node's own secrets are under; null if they name no version.</param>
/// <param name="FirstUseMs">Since when the serving node has made new blobs under a version, at the earliest since its start, Unix milliseconds.</param>
internal sealed record KeyUse(
    ImmutableArray<RecordsUnder> Records, long Unreadable, BlobVersions? Secrets, ImmutableDictionary<(KeyPurpose Purpose, uint Version), long> FirstUseMs)
{
    /// <summary>How many live records are under a version of the seal or wrap key.</summary>
    internal long Under(KeyPurpose purpose, uint version) => Records.Where(r => VersionOf(r.Versions, purpose) == version).Sum(r => r.Count);

    /// <summary>How many live records are sealed under an older version than this.</summary>
    internal long SealedBefore(uint version) => Records.Where(r => r.Versions.Seal < version).Sum(r => r.Count);

    /// <summary>Whether the node's own secrets are under a version of the seal key.</summary>
    internal bool HoldsSecrets(KeyPurpose purpose, uint version) => purpose == KeyPurpose.Seal && Secrets?.Seal == version;

    /// <summary>Every version of a purpose that records, or the node's own secrets, are under.</summary>
    internal IEnumerable<uint> Holding(KeyPurpose purpose) => Records.Select(r => r.Versions)
        .Concat(Secrets is { } secrets ? [secrets] : [])
        .Select(v => VersionOf(v, purpose))
        .OfType<uint>()
        .Distinct();

    /// <summary>Every version of a purpose that something names, or once did.</summary>
    internal IEnumerable<uint> Named(KeyPurpose purpose) => Holding(purpose)
        .Concat(FirstUseMs.Keys.Where(k => k.Purpose == purpose).Select(k => k.Version))
        .Distinct();

    /// <summary>The version of a purpose that a blob names.</summary>
    internal static uint? VersionOf(BlobVersions versions, KeyPurpose purpose) => purpose switch
    {
        KeyPurpose.Seal => versions.Seal,
        KeyPurpose.Wrap => versions.Wrap,
        _ => null,
    };
}
