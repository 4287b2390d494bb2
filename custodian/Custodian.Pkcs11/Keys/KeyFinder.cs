using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>Finds the node's keys in its token, checks what each is, and makes the working copies of the seal keys.</summary>
internal static class KeyFinder
{
    /// <summary>What a failure is called where keys are there and do not fit together.</summary>
    public const string Check = "key search";

    private static readonly AttributeTemplate SessionCopy = new AttributeTemplate().Add(Cka.Token, false);

    /// <param name="anchor">Copies live as long as the session they are made in.</param>
    /// <param name="authorised">What new things may be made under; null for nothing.</param>
    /// <param name="module">How it wraps; null where no wrap key is needed, and none is looked for.</param>
    /// <exception cref="HsmException">A purpose has no key that is what it must be; or none, or two alike, that new things can be made under.</exception>
    public static TokenKeySet Find(Pkcs11Session anchor, IReadOnlyList<TokenKey>? authorised, WrapAbility? module) =>
        Compose(anchor, FoundKey.AllIn(anchor), authorised, module, []);

    /// <summary>The keys as they are now: the same set where nothing came or went since.</summary>
    /// <param name="search">A session to look in, which is closed if that fails.</param>
    /// <param name="anchor">Where copies of new keys are made.</param>
    /// <param name="before">The set so far, whose copies the new one goes on with.</param>
    /// <param name="authorised">What new things may be made under; null for nothing.</param>
    /// <exception cref="HsmException">As <see cref="Find"/>.</exception>
    public static TokenKeySet FindAgain(Pkcs11Session search, Pkcs11Session anchor, TokenKeySet before, IReadOnlyList<TokenKey>? authorised)
    {
        var found = FoundKey.AllIn(search);
        return found.SequenceEqual(before.Found) && IsSame(authorised, before.Authorised)
            ? before
            : Compose(anchor, found, authorised, before.Module, before.Seals);
    }

    /// <summary>The labels of a node's keys that a token has already, of any version.</summary>
    public static IReadOnlyList<string> Present(Pkcs11Session session) =>
        [.. FoundKey.AllIn(session).OrderBy(key => key.Purpose).Select(key => key.Label).Distinct()];

    private static bool IsSame(IReadOnlyList<TokenKey>? one, IReadOnlyList<TokenKey>? other) =>
        one is null || other is null ? ReferenceEquals(one, other) : one.SequenceEqual(other);

    private static TokenKeySet Compose(
        Pkcs11Session anchor, List<FoundKey> found, IReadOnlyList<TokenKey>? authorised, WrapAbility? module, IReadOnlyList<SealKey> copied)
    {
        var selection = new KeySelection(anchor, found, module is null ? EvaluationMode.Memory : EvaluationMode.Hsm);
        var fit = selection.Fit();
        var used = authorised is null ? [] : selection.InUse(fit, authorised);

        // Of two of a version the authorised one is tried first; it is what nearly all is under.
        var ordered = fit.OrderBy(key => key.Name.Version).ThenByDescending(key => authorised?.Contains(key.Name) == true).ToList();
        var seals = ordered.Where(key => key.Name.Purpose == KeyPurpose.Seal).Select(key => Working(anchor, key, copied)).ToList();
        return new TokenKeySet(
            found,
            authorised,
            seals,
            [.. ordered.Where(key => key.Name.Purpose == KeyPurpose.Wrap)],
            Uses(used, seals),
            new KeyInventory([.. ordered.Select(key => key.Name).OrderBy(name => name.Purpose)], [.. used.Select(key => key.Name)])
            {
                Unused = selection.Unused,
            },
            module);
    }

    private static UsedKeys? Uses(List<FitKey> used, List<SealKey> seals)
    {
        return used.Count == 0 ? null : new UsedKeys(seals.Single(key => key.Token == Of(KeyPurpose.Seal)!.Handle), Of(KeyPurpose.Wrap), Of(KeyPurpose.Audit)!);

        FitKey? Of(KeyPurpose purpose) => used.Find(key => key.Name.Purpose == purpose);
    }

    private static SealKey Working(Pkcs11Session anchor, FitKey key, IReadOnlyList<SealKey> copied) =>
        copied.FirstOrDefault(known => known.Version == key.Name.Version && known.Token == key.Handle)
        ?? new SealKey(key.Name.Version, key.Handle, CopyOf(anchor, key));

    // Using a token object makes SoftHSM lock and read its file each time. A copy that a module refuses, or makes weaker, is done without.
    private static nuint CopyOf(Pkcs11Session anchor, FitKey seal)
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
