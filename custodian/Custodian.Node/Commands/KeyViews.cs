using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>A version of a key as an operator sees it.</summary>
/// <param name="Label">Its label in the token.</param>
/// <param name="Purpose">seal, wrap or audit.</param>
/// <param name="Version">Which.</param>
/// <param name="State">newest, kept, retired (an audit key of which the public half is left) or missing (named, and not in the token).</param>
/// <param name="Records">Live records under it; null for the audit key.</param>
/// <param name="NodeSecrets">Whether the node's own secrets are under it; null but for the seal key.</param>
/// <param name="InUseSince">Since when new blobs are under it; null when no node has served with it.</param>
/// <param name="PreparedUntil">Until when clients may hold keys under it; null for the newest.</param>
/// <param name="PublicKey">The audit key's, in hexadecimal; null for the others.</param>
internal sealed record KeyView(
    string Label, string Purpose, uint Version, string State, long? Records, bool? NodeSecrets, string? InUseSince, string? PreparedUntil, string? PublicKey)
{
    internal static IReadOnlyList<KeyView> AllOf(KeyRetirement known) =>
        [.. Enum.GetValues<KeyPurpose>().SelectMany(purpose => Versions(known, purpose).Select(version => Of(known, purpose, version)))];

    internal void WriteTo(TextWriter text)
    {
        text.WriteLine($"{Label,-20}  {State,-7}  {What()}");
    }

    private static IEnumerable<uint> Versions(KeyRetirement known, KeyPurpose purpose) =>
        known.Keys.Of(purpose).Union(known.Use.Named(purpose).Where(v => IsUsed(known.Use, purpose, v))).OrderDescending();

    /// <summary>A version that only served once and is gone needs no line.</summary>
    private static bool IsUsed(KeyUse use, KeyPurpose purpose, uint version) => use.Under(purpose, version) > 0 || use.HoldsSecrets(purpose, version);

    private static KeyView Of(KeyRetirement known, KeyPurpose purpose, uint version)
    {
        bool isAudit = purpose == KeyPurpose.Audit;
        string state = StateOf(known.Keys, purpose, version);
        return new KeyView(
            TokenKeys.LabelOf(purpose, version),
            purpose.ToString().ToLowerInvariant(),
            version,
            state,
            isAudit ? null : known.Use.Under(purpose, version),
            purpose == KeyPurpose.Seal ? known.Use.HoldsSecrets(purpose, version) : null,
            known.Use.FirstUseMs.TryGetValue((purpose, version), out long since) ? Restoration.Said(since) : null,
            state == "kept" && !isAudit && known.PreparedUntilMs(purpose) is { } until ? Restoration.Said(until) : null,
            isAudit ? Convert.ToHexStringLower(known.Keys.Audit.Single(k => k.Version == version).PublicKey.Span) : null);
    }

    private static string StateOf(KeyInventory keys, KeyPurpose purpose, uint version)
    {
        if (!keys.Of(purpose).Contains(version))
        {
            return "missing";
        }

        bool isRetired = purpose == KeyPurpose.Audit && !keys.Audit.Single(k => k.Version == version).IsPrivateThere;
        return version == keys.Newest(purpose) ? "newest" : isRetired ? "retired" : "kept";
    }

    private string What() => string.Join("; ", ((string?[])
    [
        Records is { } records ? $"{records} records{(NodeSecrets == true ? " and the node's secrets" : "")}" : null,
        PublicKey is { } point ? $"public key {point}" : null,
        InUseSince is { } since ? $"in use since {since}" : null,
        PreparedUntil is { } until ? $"clients may hold keys under it until {until}" : null,
    ]).OfType<string>());
}
