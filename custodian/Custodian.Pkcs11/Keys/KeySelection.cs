using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>An audit key that signs, and what verifies that.</summary>
internal sealed record AuditPair(FoundKey Private, FoundKey Public);

/// <summary>
/// Tells the node's keys from whatever else bears their labels: only a version that was authorised, that passes the policy and has the
/// protections of the version before is used. The rest is left alone and told, and keeps nobody from using those that are.
/// </summary>
internal sealed class KeySelection(Pkcs11Session session, List<FoundKey> found, IReadOnlyList<AuthorisedKey> authorised)
{
    // Whoever fills a token with labels must not fill the frames and logs that tell of them, too.
    private const int MostTold = 64;

    private const string NotAuthorised = "not authorised: 'custodian keys rotate' did not finish making it, or somebody else made it; remove it";

    private static readonly byte[] Proven = SHA256.HashData("custodian/v1 which half is whose"u8);

    private readonly List<UnusedKey> unused = [];
    private HsmException? refusal;

    /// <summary>What bears a label and is not used.</summary>
    public IReadOnlyList<UnusedKey> Unused => unused;

    /// <summary>The seal or wrap keys, the oldest first.</summary>
    /// <exception cref="HsmException">There is none, or two of a version.</exception>
    public List<FoundKey> Secret(KeyPurpose purpose)
    {
        List<FoundKey> chosen = [];
        foreach (var same in Of(purpose, Cko.SecretKey).GroupBy(key => key.Version))
        {
            var before = chosen.LastOrDefault();
            var fit = same.Where(key => IsNamed(key, key.Identity) && Passes(key, before)).ToList();
            RequireSingle(fit);
            chosen.AddRange(fit);
        }
        return RequireSome(chosen, purpose);
    }

    /// <summary>The audit keys that sign, the oldest first.</summary>
    /// <exception cref="HsmException">There is none, or two of a version.</exception>
    public List<AuditPair> Signing()
    {
        List<AuditPair> chosen = [];
        foreach (var same in Of(KeyPurpose.Audit, Cko.PrivateKey).GroupBy(key => key.Version))
        {
            var before = chosen.LastOrDefault()?.Private;
            var fit = same.Where(key => Entry(key) is not null || IsFirst(key) || Leave(key, NotAuthorised)).Where(key => Passes(key, before))
                .Select(PairOf).OfType<AuditPair>().ToList();
            RequireSingle(fit.ConvertAll(pair => pair.Private));
            chosen.AddRange(fit);
        }
        RequireSome(chosen.ConvertAll(pair => pair.Private), KeyPurpose.Audit);
        return chosen;
    }

    /// <summary>The public halves of audit keys that were retired: those whose point was noted while they signed.</summary>
    public List<FoundKey> Retired(List<AuditPair> signing)
    {
        var rest = Of(KeyPurpose.Audit, Cko.PublicKey).Where(half => signing.TrueForAll(pair => pair.Public != half)).ToList();
        var versions = signing.ConvertAll(pair => pair.Private.Version);
        return
        [
            .. rest.Where(half => (Entry(half)?.Identity == half.Identity && !versions.Contains(half.Version)) || Leave(half, NotAuthorised))
                .DistinctBy(half => half.Version),
        ];
    }

    private IEnumerable<FoundKey> Of(KeyPurpose purpose, nuint objectClass) =>
        found.Where(key => key.Purpose == purpose && key.ObjectClass == objectClass);

    private AuthorisedKey? Entry(FoundKey key) => authorised.FirstOrDefault(one => one.Purpose == key.Purpose && one.Version == key.Version);

    private bool IsFirst(FoundKey key) => key.Version == TokenKeyNames.First && Entry(key) is null;

    private bool IsNamed(FoundKey key, string identity) => IsFirst(key) || Entry(key)?.Identity == identity || Leave(key, NotAuthorised);

    private bool Passes(FoundKey key, FoundKey? before)
    {
        try
        {
            KeyPolicy.Require(session, key, before);
            return true;
        }
        catch (HsmException e) when (e.Function == KeyPolicy.Check)
        {
            refusal ??= e;
            return Leave(key, $"half made, or changed since: {e.Message.TrimEnd('.')}; remove it");
        }
    }

    // Any label and any CKA_ID can be given to a public key; that it verifies what the private one signs cannot.
    private AuditPair? PairOf(FoundKey key)
    {
        var signature = new byte[Pkcs11Session.SignatureLength];
        session.SignDigest(key.Handle, Proven, signature);
        var noted = Entry(key)?.Identity;
        var half = Of(KeyPurpose.Audit, Cko.PublicKey).FirstOrDefault(
            half => half.Version == key.Version && (noted is null || half.Identity == noted) && Verifies(half.Identity, signature));
        if (half is not null)
        {
            return new AuditPair(key, half);
        }
        refusal ??= Unfit($"The token has no public key {key.Label} that verifies what the private one signs.");
        Leave(key, "the token has no public half of it that was noted");
        return null;
    }

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

    private bool Leave(FoundKey key, string why)
    {
        if (unused.Count < MostTold)
        {
            unused.Add(new UnusedKey(key.Label, why));
        }
        return false;
    }

    private static void RequireSingle(List<FoundKey> fit)
    {
        if (fit.Count > 1)
        {
            throw Unfit($"The token has {fit.Count} keys {fit[0].Label}; none is used. Remove the one that is not the node's with the HSM's own tool.");
        }
    }

    // What a vanished token looks like, too: it has none.
    private List<FoundKey> RequireSome(List<FoundKey> chosen, KeyPurpose purpose) => chosen.Count > 0 ? chosen : throw refusal ?? new HsmException(
        HsmErrorClass.Fatal, 0, "C_FindObjects", $"The token has no key {TokenKeyNames.Of(purpose, TokenKeyNames.First)}, nor an authorised later version of it.");

    private static HsmException Unfit(string message) => new(HsmErrorClass.Fatal, 0, KeyFinder.Check, message);
}
