using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>A key as an operator sees it.</summary>
/// <param name="Label">Its label in the token.</param>
/// <param name="Purpose">seal, wrap or audit.</param>
/// <param name="Version">Which.</param>
/// <param name="State">
/// newest (what is new is under it), kept, unlisted (in the token, and the database does not name it), retired (an audit key that the token has no
/// more), unfit (in the token, and not what it must be) or missing (named, and not in the token).
/// </param>
/// <param name="Id">The CKA_ID of a seal or wrap key in the token, in hexadecimal.</param>
/// <param name="Records">Live records under its version; null for the audit key.</param>
/// <param name="NodeSecrets">Whether the node's own secrets are under its version; null but for the seal key.</param>
/// <param name="InUseSince">Since when new blobs are under it; null when no node has served with it.</param>
/// <param name="PreparedUntil">Until when clients may hold keys under it; null for the newest.</param>
/// <param name="PublicKey">The audit key's, in hexadecimal; null for the others.</param>
internal sealed record KeyView(
    string Label, string Purpose, uint Version, string State, string? Id, long? Records, bool? NodeSecrets, string? InUseSince, string? PreparedUntil, string? PublicKey)
{
    /// <summary>Whether nothing that is under it opens.</summary>
    internal bool IsLost => State is "missing" or "unfit";

    internal static IReadOnlyList<KeyView> AllOf(KeyRetirement known) =>
        [.. Enum.GetValues<KeyPurpose>().SelectMany(purpose => Keys(known, purpose).OrderByDescending(k => k.Key.Version).Select(k => Of(known, k.Key, k.State)))];

    internal void WriteTo(TextWriter text)
    {
        text.WriteLine($"{Label,-20}  {State,-8}  {What()}");
    }

    private static IEnumerable<(TokenKey Key, string State)> Keys(KeyRetirement known, KeyPurpose purpose)
    {
        KeyInventory keys = known.Standing.Keys;
        foreach (TokenKey key in keys.Fit.Where(k => k.Purpose == purpose))
        {
            yield return (key, keys.InUse.Contains(key) ? "newest" : known.Standing.List?.Find(purpose, key.Version)?.Key == key ? "kept" : "unlisted");
        }

        foreach (TokenKey key in known.Standing.List?.Authorised.Where(k => purpose == KeyPurpose.Audit && k.Purpose == purpose && !keys.Fit.Contains(k)) ?? [])
        {
            yield return (key, known.Standing.Missing().Any(k => k.Key == key) ? Lack(keys, key) : "retired");
        }

        // Of the others a version that only served once and is gone needs no line.
        IEnumerable<uint> named = known.Use.Holding(purpose).Concat(known.Standing.Missing().Where(k => k.Key.Purpose == purpose).Select(k => k.Key.Version));
        foreach (uint version in purpose == KeyPurpose.Audit ? [] : named.Distinct().Except(keys.Of(purpose)))
        {
            var gone = new TokenKey(purpose, version, "");
            yield return (gone, Lack(keys, gone));
        }
    }

    private static string Lack(KeyInventory keys, TokenKey key) => keys.Unused.Any(k => k.Label == TokenKeys.LabelOf(key)) ? "unfit" : "missing";

    private static KeyView Of(KeyRetirement known, TokenKey key, string state)
    {
        bool isAudit = key.Purpose == KeyPurpose.Audit;
        return new KeyView(
            TokenKeys.LabelOf(key),
            key.Purpose.ToString().ToLowerInvariant(),
            key.Version,
            state,
            isAudit || key.Identity.Length == 0 ? null : key.Identity,
            isAudit ? null : known.Use.Under(key.Purpose, key.Version),
            key.Purpose == KeyPurpose.Seal ? known.Use.HoldsSecrets(key.Purpose, key.Version) : null,
            known.Use.FirstUseMs.TryGetValue((key.Purpose, key.Version), out long since) ? Restoration.Said(since) : null,
            state == "kept" && !isAudit && known.PreparedUntilMs(key.Purpose) is { } until ? Restoration.Said(until) : null,
            isAudit ? key.Identity : null);
    }

    private string What() => string.Join("; ", ((string?[])
    [
        Records is { } records ? $"{records} records{(NodeSecrets == true ? " and the node's secrets" : "")}" : null,
        Id is { } id ? $"CKA_ID {id}" : null,
        PublicKey is { } point ? $"public key {point}" : null,
        InUseSince is { } since ? $"in use since {since}" : null,
        PreparedUntil is { } until ? $"clients may hold keys under it until {until}" : null,
    ]).OfType<string>());
}
