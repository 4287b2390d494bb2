using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>Makes and destroys versions of keys over a session of a process that has the token open already.</summary>
internal static class TokenVersions
{
    /// <summary>Makes one in the token of the SoftHSM in use, as an operator's command does from another process.</summary>
    internal static TokenKey MakeInSoftHsm(KeyPurpose purpose, uint version)
    {
        using var session = OpenSoftHsm();
        return Make(session, purpose, version, OptionalProtections.All);
    }

    /// <summary>Destroys one there.</summary>
    internal static void DestroyInSoftHsm(KeyPurpose purpose, uint version)
    {
        using var session = OpenSoftHsm();
        Destroy(session, purpose, version);
    }

    internal static Pkcs11Session OpenSoftHsm()
    {
        using var module = Pkcs11Module.Acquire(SoftHsmDirectory.ModulePath);
        return module.OpenSession(module.FindSlot(SoftHsmToken.Label, serial: null), readWrite: true);
    }

    internal static TokenKey Make(Pkcs11Session session, KeyPurpose purpose, uint version, OptionalProtections protections)
    {
        var id = RandomNumberGenerator.GetBytes(16);
        var (made, objectClass) = purpose switch
        {
            KeyPurpose.Seal => (session.GenerateAesKey(TokenKeyTemplates.Seal(protections, version, id)), Cko.SecretKey),
            KeyPurpose.Wrap => (session.GenerateAesKey(TokenKeyTemplates.Wrap(protections, version, id)), Cko.SecretKey),
            _ => (session.GenerateKeyPair(
                TokenKeyTemplates.AuditPublic(protections, version), TokenKeyTemplates.AuditPrivate(protections, version)).Public, Cko.PublicKey),
        };
        return new TokenKey(purpose, version, FoundKey.IdentityOf(session, made, objectClass));
    }

    internal static void Destroy(Pkcs11Session session, KeyPurpose purpose, uint version)
    {
        var objectClass = purpose == KeyPurpose.Audit ? Cko.PrivateKey : Cko.SecretKey;
        session.Destroy(Assert.Single(session.Find(TokenKeyTemplates.Search(TokenKeyNames.Of(purpose, version), objectClass))));
    }
}
