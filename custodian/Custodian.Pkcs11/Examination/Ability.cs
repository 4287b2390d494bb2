using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Examination;

/// <summary>
/// Something that a module must do, with a trial of it in a session of its own, under keys that go with that session. Trials and not the
/// list of mechanisms decide: modules list what they do not do, and do what they do not list.
/// </summary>
/// <param name="Words">What it is, as in "the module does not …".</param>
/// <param name="Mechanisms">What it rests on; any of them.</param>
/// <param name="Trial">Throws when the module does not do it.</param>
internal sealed record Ability(string Words, IReadOnlyList<nuint> Mechanisms, Action<TokenConnection, Pkcs11Session> Trial)
{
    /// <summary>Whether a node needs it that evaluates in memory; one that evaluates in the HSM needs all.</summary>
    public bool IsOfBothModes { get; private init; } = true;

    /// <summary>All, each after those that it builds on.</summary>
    public static IReadOnlyList<Ability> All { get; } =
    [
        new("draw random bytes", [], static (_, session) => DrawTwice(session)),
        new("make AES-256 keys", [Ckm.AesKeyGen], static (_, session) => session.GenerateAesKey(TokenKeyTemplates.Throwaway)),
        new("seal and open with AES-GCM", [Ckm.AesGcm], static (_, session) => SealAndOpen(session)),
        new("make P-256 key pairs", [Ckm.EcKeyPairGen], static (_, session) => MakePair(session)),
        new("derive a raw x-coordinate (ECDH with CKD_NULL)", [Ckm.Ecdh1Derive], static (_, session) => DeriveRawX(session)) { IsOfBothModes = false },
        new(
            "wrap and unwrap P-256 keys as RFC 5649",
            [Ckm.AesKeyWrapKwp, Ckm.AesKeyWrapPad],
            static (connection, session) => WrapAndUnwrap(connection, session))
        {
            IsOfBothModes = false,
        },
        new("sign with ECDSA over P-256", [Ckm.Ecdsa], static (_, session) => SignAndVerify(session)),
    ];

    /// <summary>Whether a node of a mode needs it.</summary>
    public bool IsOf(EvaluationMode mode) => IsOfBothModes || mode == EvaluationMode.Hsm;

    /// <summary>Tries all that a mode needs.</summary>
    /// <exception cref="HsmException">The first that the module lacks, by name; class Fatal unless a lost session or the like is why.</exception>
    public static void ProveAll(TokenConnection connection, EvaluationMode mode)
    {
        foreach (var ability in All.Where(ability => ability.IsOf(mode)))
        {
            ability.Prove(connection);
        }
    }

    /// <summary>Tries it.</summary>
    /// <exception cref="HsmException">The module lacks it.</exception>
    public void Prove(TokenConnection connection)
    {
        using var session = connection.OpenSession();
        try
        {
            Trial(connection, session);
        }
        catch (HsmException e)
        {
            throw new HsmException(
                HsmErrorClass.Fatal, e.ReturnValue, e.Function, $"The module does not {Words}, so it cannot be used. {e.Message}", e)
            {
                IsOfHsmEvaluation = !IsOfBothModes,
            };
        }
    }

    private static void DrawTwice(Pkcs11Session session)
    {
        Span<byte> first = stackalloc byte[32];
        Span<byte> second = stackalloc byte[32];
        session.Random(first);
        session.Random(second);
        Require(!first.SequenceEqual(second), "C_GenerateRandom", "drew the same bytes twice");
    }

    private static void SealAndOpen(Pkcs11Session session)
    {
        Span<byte> iv = stackalloc byte[Pkcs11Session.GcmIvLength];
        Span<byte> output = stackalloc byte[16 + Pkcs11Session.GcmTagLength];
        Span<byte> opened = stackalloc byte[output.Length];
        var key = session.GenerateAesKey(ThrowawayKeys.Cipher);
        session.Random(iv);
        session.Encrypt(key, iv, "custodian/v1 trial"u8, "custodian trial "u8, output);
        session.Decrypt(key, iv, "custodian/v1 trial"u8, output, opened);
        Require(opened.StartsWith("custodian trial "u8), "C_Decrypt", "opened to something else than was sealed");
        Require(!Opens(session, key, iv, output, opened), "C_Decrypt", "opened what had been altered");
    }

    private static bool Opens(Pkcs11Session session, nuint key, Span<byte> iv, Span<byte> output, Span<byte> opened)
    {
        output[^1] ^= 1;
        try
        {
            session.Decrypt(key, iv, "custodian/v1 trial"u8, output, opened);
            return true;
        }
        catch (HsmException)
        {
            return false;
        }
    }

    private static void MakePair(Pkcs11Session session)
    {
        Span<byte> point = stackalloc byte[Pkcs11Session.PointLength];
        session.ReadPoint(session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate).Public, point);
    }

    private static void DeriveRawX(Pkcs11Session session)
    {
        Span<byte> point = stackalloc byte[Pkcs11Session.PointLength];
        Span<byte> x = stackalloc byte[Pkcs11Session.CoordinateLength];
        var pair = session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate);
        session.ReadPoint(pair.Public, point);
        session.DeriveX(pair.Private, SelfTest.Generator, x);
        Require(x.SequenceEqual(point[1..33]), "C_DeriveKey", "derived something else than the x-coordinate");
    }

    private static void WrapAndUnwrap(TokenConnection connection, Pkcs11Session session)
    {
        Span<byte> point = stackalloc byte[Pkcs11Session.PointLength];
        Span<byte> x = stackalloc byte[Pkcs11Session.CoordinateLength];
        var keys = ThrowawayKeys.Make(connection, session, SelfTest.ProvenWrapMechanism(connection), point);
        session.DeriveX(keys.Unwrap(session), SelfTest.Generator, x);
        Require(x.SequenceEqual(point[1..33]), "C_UnwrapKey", "gave another key than was wrapped");
    }

    private static void SignAndVerify(Pkcs11Session session)
    {
        Span<byte> point = stackalloc byte[Pkcs11Session.PointLength];
        Span<byte> signature = stackalloc byte[Pkcs11Session.SignatureLength];
        var pair = session.GenerateKeyPair(ThrowawayKeys.Verifying, ThrowawayKeys.Signing);
        var digest = SHA256.HashData("custodian trial"u8);
        session.ReadPoint(pair.Public, point);
        session.SignDigest(pair.Private, digest, signature);
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = point[1..33].ToArray(), Y = point[33..].ToArray() },
        });
        Require(key.VerifyHash(digest, signature), "C_Sign", "made a signature that does not verify");
    }

    private static void Require(bool condition, string function, string otherwise)
    {
        if (!condition)
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, function, $"{function} {otherwise}.");
        }
    }
}
