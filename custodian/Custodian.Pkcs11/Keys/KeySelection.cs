using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>A key that is what its purpose wants.</summary>
/// <param name="Name">What it is called; of an audit key with the point that was seen to verify what it signs.</param>
/// <param name="Handle">The object that is used: of an audit key the private half.</param>
internal sealed record FitKey(TokenKey Name, nuint Handle)
{
    public string Label => TokenKeyNames.Of(Name.Purpose, Name.Version);
}

/// <summary>
/// Tells the node's keys from whatever else bears their labels. Every key that passes the policy opens what names it, since only what
/// was made under it opens with it, and a record cannot be brought to name another. New things are made under authorised keys alone.
/// </summary>
internal sealed class KeySelection(Pkcs11Session session, List<FoundKey> found, EvaluationMode mode)
{
    // Whoever fills a token with labels must not fill the frames and logs that tell of them, too.
    private const int MostTold = 64;

    private static readonly byte[] Proven = SHA256.HashData("custodian/v1 which half is whose"u8);

    private readonly List<UnusedKey> unused = [];
    private readonly Dictionary<KeyPurpose, HsmException> refusals = [];

    /// <summary>What bears a label and is not used.</summary>
    public IReadOnlyList<UnusedKey> Unused => unused;

    /// <summary>Every key that is fit, the oldest first.</summary>
    /// <exception cref="HsmException">No seal key is, or no wrap key where one is needed.</exception>
    public List<FitKey> Fit()
    {
        var secret = TokenKeyNames.PurposesOf(mode).Where(purpose => purpose != KeyPurpose.Audit).ToList();
        List<FitKey> fit =
        [
            .. secret.SelectMany(purpose => Of(purpose, Cko.SecretKey)).Where(Passes).Select(Named),
            .. Of(KeyPurpose.Audit, Cko.PrivateKey).Where(Passes).Select(WithPoint).OfType<FitKey>(),
        ];

        // What a vanished token looks like, too: it has none.
        foreach (var purpose in secret)
        {
            if (fit.TrueForAll(key => key.Name.Purpose != purpose))
            {
                throw Lacking(purpose);
            }
        }
        LeaveOtherModes();
        return fit;
    }

    /// <summary>
    /// Of each purpose of the mode the newest authorised key that is there, one after the other guarded no less than the one before: what a PIN holder
    /// loosened, or made less guarded, new things must not come to lie under.
    /// </summary>
    /// <exception cref="HsmException">Of a purpose there is none, or two that nothing tells apart.</exception>
    public List<FitKey> InUse(List<FitKey> fit, IReadOnlyList<TokenKey> authorised) =>
    [
        .. TokenKeyNames.PurposesOf(mode).Select(purpose =>
            Newest(fit, [.. authorised.Where(key => key.Purpose == purpose).OrderBy(key => key.Version)]) ?? throw Lacking(purpose, fit, authorised)),
    ];

    // Nothing opens with it here; and init makes none for such a node.
    private void LeaveOtherModes()
    {
        foreach (var key in TokenKeyNames.PurposesOf(mode).Contains(KeyPurpose.Wrap) ? [] : Of(KeyPurpose.Wrap, Cko.SecretKey))
        {
            Leave(key.Label, "this node evaluates in memory, and uses no wrap key");
        }
    }

    private FitKey? Newest(List<FitKey> fit, List<TokenKey> authorised)
    {
        FitKey? newest = null;
        foreach (var name in authorised)
        {
            var there = fit.Where(key => key.Name == name).ToList();
            if (there.Count == 1 && IsGuardedAs(there[0], newest))
            {
                newest = there[0];
            }
            else if (there.Count > 1 && name == authorised[^1])
            {
                throw Twins(there[0], there.Count);
            }
        }
        return newest;
    }

    private bool IsGuardedAs(FitKey key, FitKey? before)
    {
        try
        {
            if (before is not null)
            {
                KeyPolicy.RequireAsGuarded(session, key.Handle, before.Handle, key.Label);
            }
            return true;
        }
        catch (HsmException e) when (e.Function == KeyPolicy.Check)
        {
            return Leave(key.Label, $"guarded less than the version before it: {e.Message.TrimEnd('.')}; nothing new is made under it");
        }
    }

    private IEnumerable<FoundKey> Of(KeyPurpose purpose, nuint objectClass) =>
        found.Where(key => key.Purpose == purpose && key.ObjectClass == objectClass);

    private bool Passes(FoundKey key)
    {
        try
        {
            KeyPolicy.Require(session, key);
            return true;
        }
        catch (HsmException e) when (e.Function == KeyPolicy.Check)
        {
            refusals.TryAdd(key.Purpose, e);
            return Leave(key.Label, $"{What(key)} is not what init or rotate made, or was changed since: {e.Message.TrimEnd('.')}");
        }
    }

    private static FitKey Named(FoundKey key) => new(new TokenKey(key.Purpose, key.Version, key.Identity), key.Handle);

    // Any label and any CKA_ID can be given to a public key; that it verifies what the private one signs cannot.
    private FitKey? WithPoint(FoundKey key)
    {
        var signature = new byte[Pkcs11Session.SignatureLength];
        try
        {
            Sign(key, signature);
        }
        catch (HsmException e) when (!e.IsTransient && e.Class != HsmErrorClass.Pin && !IsOfDevice(e))
        {
            Leave(key.Label, $"{What(key)} does not sign as a key of init or rotate does: {e.Message.TrimEnd('.')}");
            return null;
        }
        var half = Of(KeyPurpose.Audit, Cko.PublicKey).FirstOrDefault(half => half.Version == key.Version && Verifies(half.Identity, signature));
        if (half is not null)
        {
            return new FitKey(new TokenKey(KeyPurpose.Audit, key.Version, half.Identity), key.Handle);
        }
        Leave(key.Label, $"{What(key)} has no public half in the token that verifies what it signs");
        return null;
    }

    // In a session of its own: what fails to sign may stay active there, and goes with it. A token that has no room for one more signs here.
    private void Sign(FoundKey key, byte[] signature)
    {
        using var own = session.TryOpenBeside();
        (own ?? session).SignDigest(key.Handle, Proven, signature);
    }

    // Out of memory, or a device or token that is away: no fault of a key, and no reason to leave one.
    private static bool IsOfDevice(HsmException failure) => failure.ReturnValue is 0x2 or (>= 0x30 and <= 0x32) or 0xE0 or 0xE1;

    private static bool Verifies(string point, byte[] signature)
    {
        try
        {
            var bytes = Convert.FromHexString(point);
            using var key = ECDsa.Create(new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new ECPoint { X = bytes[1..33], Y = bytes[33..] },
            });
            return key.VerifyHash(Proven, signature);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // No point of the curve, or none at all.
            return false;
        }
    }

    private static string What(FoundKey key) => key.Identity.Length > 0 ? $"the key with CKA_ID {key.Identity}" : "the key without a CKA_ID";

    private bool Leave(string label, string why)
    {
        if (unused.Count < MostTold)
        {
            unused.Add(new UnusedKey(label, why));
        }
        return false;
    }

    private static HsmException Twins(FitKey key, int count) => new(
        HsmErrorClass.Fatal,
        0,
        KeyFinder.Check,
        $"The token has {count} keys {key.Label} with the same CKA_ID ({(key.Name.Identity.Length > 0 ? key.Name.Identity : "none")}), and nothing new is made "
            + "under either. Make another version with 'custodian keys rotate', and remove neither: records may be under both, and each opens what is under it.");

    private HsmException Lacking(KeyPurpose purpose) => refusals.GetValueOrDefault(purpose) ?? new HsmException(
        HsmErrorClass.Fatal, 0, "C_FindObjects", $"The token has no key {TokenKeyNames.Of(purpose, TokenKeyNames.First)}, nor a later version of it.");

    private HsmException Lacking(KeyPurpose purpose, List<FitKey> fit, IReadOnlyList<TokenKey> authorised)
    {
        var named = string.Join(", ", authorised.Where(key => key.Purpose == purpose).Select(key => TokenKeyNames.Of(purpose, key.Version)));
        var others = string.Join(", ", fit.Where(key => key.Name.Purpose == purpose).Select(key => key.Label).Distinct());
        var what = named.Length == 0
            ? $"No key of the label {TokenKeyNames.Of(purpose, TokenKeyNames.First)} or a later version is authorised"
            : $"The token has none of the keys that are authorised ({named})";
        var instead = others.Length == 0 ? "" : $"; it has other keys than these, {others}";
        var why = refusals.TryGetValue(purpose, out var refusal) ? $" {refusal.Message}" : "";
        return new HsmException(HsmErrorClass.Fatal, 0, KeyFinder.Check, $"{what}{instead}.{why}");
    }
}
