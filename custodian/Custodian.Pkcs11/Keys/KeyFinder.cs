using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>Finds the node's keys in its token, checks what each version is, and makes the working copies of the seal keys.</summary>
internal static class KeyFinder
{
    /// <summary>What a failure is called where keys are there and do not fit together.</summary>
    public const string Check = "key search";

    private static readonly AttributeTemplate SessionCopy = new AttributeTemplate().Add(Cka.Token, false);

    /// <remarks>The session is the anchor: copies live as long as the session they are made in.</remarks>
    /// <exception cref="HsmException">A purpose has no key that is authorised and what it must be, or two of a version.</exception>
    public static TokenKeySet Find(Pkcs11Session anchor, IReadOnlyList<AuthorisedKey> authorised, WrapAbility module) =>
        Compose(anchor, FoundKey.AllIn(anchor), authorised, module, []);

    /// <summary>The keys as they are now: the same set where nothing came or went since.</summary>
    /// <param name="search">A session to look in, which is closed if that fails.</param>
    /// <param name="anchor">Where copies of new keys are made.</param>
    /// <param name="before">The set so far, whose copies the new one goes on with.</param>
    /// <param name="authorised">The versions that may be used.</param>
    /// <exception cref="HsmException">As <see cref="Find"/>.</exception>
    public static TokenKeySet FindAgain(Pkcs11Session search, Pkcs11Session anchor, TokenKeySet before, IReadOnlyList<AuthorisedKey> authorised)
    {
        var found = FoundKey.AllIn(search);
        return found.SequenceEqual(before.Found) && authorised.SequenceEqual(before.Authorised)
            ? before
            : Compose(anchor, found, authorised, before.Module, before.Seals);
    }

    /// <summary>The labels of a node's keys that a token has already, of any version.</summary>
    public static IReadOnlyList<string> Present(Pkcs11Session session) =>
        [.. FoundKey.AllIn(session).OrderBy(key => key.Purpose).Select(key => key.Label).Distinct()];

    private static TokenKeySet Compose(
        Pkcs11Session anchor, List<FoundKey> found, IReadOnlyList<AuthorisedKey> authorised, WrapAbility module, IReadOnlyList<SealKey> copied)
    {
        var selection = new KeySelection(anchor, found, authorised);
        var seals = selection.Secret(KeyPurpose.Seal);
        var wraps = selection.Secret(KeyPurpose.Wrap);
        var signing = selection.Signing();
        var retired = selection.Retired(signing);
        var audit = signing.Select(pair => (Half: pair.Public, IsPrivateThere: true)).Concat(retired.Select(half => (Half: half, IsPrivateThere: false)));
        var inventory = new KeyInventory(
            [.. seals.Select(key => key.Version)],
            [.. wraps.Select(key => key.Version)],
            [.. audit.OrderBy(key => key.Half.Version).Select(key => new AuditKey(key.Half.Version, key.IsPrivateThere, Convert.FromHexString(key.Half.Identity)))])
        {
            Unused = selection.Unused,
        };
        return new TokenKeySet(
            found,
            authorised,
            seals.ConvertAll(key => Working(anchor, key, copied)),
            wraps.ConvertAll(key => new VersionedKey(key.Version, key.Handle)),
            signing.ConvertAll(pair => new VersionedKey(pair.Private.Version, pair.Private.Handle)),
            inventory,
            module);
    }

    private static SealKey Working(Pkcs11Session anchor, FoundKey key, IReadOnlyList<SealKey> copied) =>
        copied.FirstOrDefault(known => known.Version == key.Version && known.Token == key.Handle)
        ?? new SealKey(key.Version, key.Handle, CopyOf(anchor, key));

    // Using a token object makes SoftHSM lock and read its file each time. A copy that a module refuses, or makes weaker, is done without.
    private static nuint CopyOf(Pkcs11Session anchor, FoundKey seal)
    {
        var copy = seal.Handle;
        try
        {
            copy = anchor.Copy(seal.Handle, SessionCopy);
            KeyPolicy.RequireSealCopy(anchor, copy, seal.Label);
            return copy;
        }
        catch (HsmException)
        {
            if (copy != seal.Handle)
            {
                anchor.Discard(copy);
            }
            return seal.Handle;
        }
    }
}
