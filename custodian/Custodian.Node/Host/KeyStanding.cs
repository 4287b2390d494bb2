using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Host;

/// <summary>What the database says of the node's keys beside what the token has.</summary>
/// <param name="List">The keys that the database lists; null where that is missing, or not as the node wrote it.</param>
/// <param name="Keys">The keys in the token.</param>
/// <param name="Refusal">Why the node makes nothing new now, and what to do about it; null where it can.</param>
internal sealed record KeyStanding(KeyList? List, KeyInventory Keys, string? Refusal)
{
    /// <summary>What to do about a database that does not say which keys are the node's.</summary>
    internal const string NoList =
        "the list of the keys that this node makes new things under (key_list) is missing from its database, or not as the node wrote it: somebody "
        + "edited the database, or put it together from two; restore a backup that verifies, or name each key anew with 'custodian keys adopt' once "
        + "you know that it is the node's; whatever is stored opens meanwhile, and 'custodian keys list' shows what is in the token";

    /// <summary>What a running node says of a list that lost keys, which no command brings about but an adoption after the list was edited.</summary>
    internal const string Shorter =
        "the list of the node's keys (key_list) has lost keys that it had when this process last looked: an older one was put in its place; run 'custodian verify' "
        + "and 'custodian keys list', and restart the node if it is meant";

    private const string Adopt =
        "if it was restored from a backup older than a rotation, take up the key that the token has with 'custodian keys adopt' ('custodian keys list' "
        + "shows it), or make another with 'custodian keys rotate'; if the token lost the key, bring it back from the HSM's backup";

    /// <summary>Asks both, and lets the HSM make new things under what the list names.</summary>
    /// <exception cref="HsmException">The token cannot be read.</exception>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    internal static async Task<KeyStanding> ReadAsync(SqliteAccountStore store, IHsm hsm, CancellationToken cancellation) =>
        await ReadAsync(await store.ReadKeyListAsync(cancellation), await store.ReadSealedSecretsAsync(cancellation), hsm);

    /// <summary>The same with what was read.</summary>
    /// <param name="read">The list.</param>
    /// <param name="secrets">The node's own secrets as they are sealed.</param>
    /// <param name="hsm">The HSM.</param>
    /// <exception cref="HsmException">The token cannot be read.</exception>
    internal static async Task<KeyStanding> ReadAsync(KeyList? read, ReadOnlyMemory<byte> secrets, IHsm hsm)
    {
        if (read is not { } list)
        {
            return new KeyStanding(null, await hsm.RefreshKeysAsync(), NoList);
        }

        // An older list authenticates as well. The node's secrets go under a new key only once the list names it.
        if (BlobVersions.TryRead(secrets.Span, out BlobVersions under) && list.Find(KeyPurpose.Seal, under.Seal) is null)
        {
            return new KeyStanding(
                list, await hsm.RefreshKeysAsync(),
                $"the node's secrets are under {TokenKeys.LabelOf(KeyPurpose.Seal, under.Seal)}, which the list of its keys (key_list) does not name: an older list "
                    + "was put in its place, or it is not complete; restore a backup that verifies, or, once you know that the key is the node's, take it up with "
                    + "'custodian keys adopt'");
        }

        try
        {
            return new KeyStanding(list, await hsm.RefreshKeysAsync(list.Authorised), null);
        }
        catch (HsmException unfit) when (unfit.IsOfBadKeys)
        {
            return new KeyStanding(
                list, await hsm.RefreshKeysAsync(),
                $"the node's database and its token do not fit together: {unfit.Message.TrimEnd('.')}; {Adopt}");
        }
    }

    /// <summary>The version that new things are made under; null where none is.</summary>
    internal uint? Newest(KeyPurpose purpose) => Keys.InUse.FirstOrDefault(k => k.Purpose == purpose)?.Version;

    /// <summary>
    /// What in the token somebody should look at, in words: keys that are not fit, that the database does not list, or that it lists and
    /// new things are not made under although they are the newest.
    /// </summary>
    internal IEnumerable<UnusedKey> Remarkable()
    {
        foreach (UnusedKey unfit in Keys.Unused)
        {
            yield return unfit;
        }

        foreach (TokenKey key in List is null ? [] : Unlisted(Keys, List))
        {
            yield return new UnusedKey(TokenKeys.LabelOf(key), WhyUnlisted(key));
        }

        foreach (ListedKey lost in Missing())
        {
            yield return new UnusedKey(
                TokenKeys.LabelOf(lost.Key), $"the database lists it ({IdentityOf(lost.Key)}) and the token has no fit key of that identity; bring it back from the HSM's backup");
        }
    }

    /// <summary>Listed and not there, and no newer one of the list either: a version that was retired is older than one that is.</summary>
    internal IEnumerable<ListedKey> Missing() => List is null ? [] : List.Keys.Where(k => !Keys.Fit.Contains(k.Key) && !List.Keys.Any(newer => IsNewer(newer.Key, k.Key)));

    private bool IsNewer(TokenKey newer, TokenKey key) => newer.Purpose == key.Purpose && newer.Version > key.Version && Keys.Fit.Contains(newer);

    /// <summary>Fit keys of the token that a list does not name.</summary>
    internal static IEnumerable<TokenKey> Unlisted(KeyInventory keys, KeyList list) => keys.Fit.Except(list.Authorised);

    /// <summary>What tells a key from another of its label, in words.</summary>
    internal static string IdentityOf(TokenKey key) => key.Purpose == KeyPurpose.Audit
        ? $"public key {key.Identity}"
        : key.Identity.Length > 0 ? $"CKA_ID {key.Identity}" : "no CKA_ID";

    internal static string WhyUnlisted(TokenKey key) =>
        $"the database does not list it ({IdentityOf(key)}): what is under it opens, and nothing new is made under it; leave it where it is: backups and "
        + "records may be under it; if 'custodian keys rotate' of this node made it, and this database is of before that, or the command was cut short, "
        + "'custodian keys adopt' takes it up; if nobody made it, somebody else has the token's PIN";
}
