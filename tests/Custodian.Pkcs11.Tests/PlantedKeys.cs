using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Tests;

/// <summary>Keys that somebody else puts under the labels of a node's.</summary>
internal static class PlantedKeys
{
    private static readonly nuint[] OfGcm = [Ckm.AesGcm];

    private static readonly nuint[] OfEcdsa = [Ckm.Ecdsa];

    /// <summary>A seal key of a value that somebody knows, as it is put in.</summary>
    internal static AttributeTemplate Known(string label) => Seal(label, isPrivate: true).Add(Cka.Id, [0x00, 0xFF]).Add(Cka.Value, new byte[32]);

    /// <summary>All that whoever reaches the token, without a PIN, gets a module to make there.</summary>
    internal static void PlantWithoutPin(Pkcs11Session session)
    {
        foreach (var label in (string[])["custodian/seal/1", "custodian/seal/2", "custodian/seal/4294967295"])
        {
            using var seal = Seal(label, isPrivate: false).Add(Cka.ValueLength, (nuint)32);
            session.GenerateAesKey(seal);
        }
        using var wrap = Open("custodian/wrap/2").Add(Cka.Wrap, true).Add(Cka.Unwrap, true).Add(Cka.Decrypt, false);
        var wrapping = session.GenerateAesKey(wrap);

        // Why it must never be used: whoever planted it switches decryption on, and peels what is under it.
        using var further = new AttributeTemplate().Add(Cka.Decrypt, true);
        Assert.True(session.TrySet(wrapping, further));
        foreach (var version in (uint[])[1, 9])
        {
            using var half = PublicHalf(version);
            session.Create(half);
        }
    }

    /// <summary>A seal key of another length.</summary>
    internal static AttributeTemplate Short(string label, nuint bytes) => Seal(label, isPrivate: true).Add(Cka.ValueLength, bytes);

    /// <summary>Audit keys that a PIN holder made as the node's are, and that do not sign as those do: on another curve, and for another mechanism.</summary>
    internal static void PlantAuditKeysThatDoNotSign(Pkcs11Session session)
    {
        using var half = new AttributeTemplate()
            .Add(Cka.Class, Cko.PublicKey)
            .Add(Cka.KeyType, Ckk.Ec)
            .Add(Cka.Label, TokenKeyNames.Of(KeyPurpose.Audit, 7))
            .Add(Cka.Token, true)
            .Add(Cka.EcParams, (byte[])[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22]);
        using var other = TokenKeyTemplates.AuditPrivate(OptionalProtections.None, 7);
        session.GenerateKeyPair(half, other);
        using var idle = TokenKeyTemplates.AuditPrivate(OptionalProtections.None, 8).Add(Cka.AllowedMechanisms, OfGcm);
        session.GenerateKeyPair(TokenKeyTemplates.AuditPublic(OptionalProtections.None, 8), idle);
    }

    /// <summary>A key that is what the node's is, but that no operation of the node's may be done with.</summary>
    internal static TokenKey MakeIdle(Pkcs11Session session, KeyPurpose purpose, uint version)
    {
        byte[] id = [0x1D, (byte)version];
        using var template = purpose == KeyPurpose.Seal
            ? TokenKeyTemplates.Seal(OptionalProtections.Frozen, version, id)
            : TokenKeyTemplates.Wrap(OptionalProtections.Frozen | OptionalProtections.UnwrapTemplate, version, id);
        session.GenerateAesKey(template.Add(Cka.AllowedMechanisms, OfEcdsa));
        return new TokenKey(purpose, version, Convert.ToHexStringLower(id));
    }

    private static AttributeTemplate Seal(string label, bool isPrivate) => new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.Aes)
        .Add(Cka.Label, label)
        .Add(Cka.Token, true)
        .Add(Cka.Private, isPrivate)
        .Add(Cka.Sensitive, true)
        .Add(Cka.Extractable, false)
        .Add(Cka.Encrypt, true)
        .Add(Cka.Decrypt, true)
        .Add(Cka.Wrap, false)
        .Add(Cka.Unwrap, false);

    private static AttributeTemplate Open(string label) => new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.Aes)
        .Add(Cka.ValueLength, (nuint)32)
        .Add(Cka.Label, label)
        .Add(Cka.Token, true)
        .Add(Cka.Private, false)
        .Add(Cka.Sensitive, true)
        .Add(Cka.Extractable, false)
        .Add(Cka.Encrypt, false);

    private static AttributeTemplate PublicHalf(uint version) => new AttributeTemplate()
        .Add(Cka.Class, Cko.PublicKey)
        .Add(Cka.KeyType, Ckk.Ec)
        .Add(Cka.Label, TokenKeyNames.Of(KeyPurpose.Audit, version))
        .Add(Cka.Token, true)
        .Add(Cka.Private, false)
        .Add(Cka.Verify, true)
        .Add(Cka.EcParams, Pkcs11Session.P256)
        .Add(Cka.EcPoint, (byte[])[0x04, 0x41, .. P256.Generator]);
}
