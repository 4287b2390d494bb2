using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Tests.Nss;

public sealed class NssContractTests(OpenNss fixture) : HsmContract(fixture.Hsm), IClassFixture<OpenNss>
{
    [Fact]
    public void CreateKeys_ModuleThatTakesFewerProtections_SaysWhichItDidNot()
    {
        var wrap = fixture.Keys.Single(key => key.Label == "custodian/wrap/1");

        Assert.Contains("whoever holds the PIN can unwrap keys as extractable", wrap.Missing);
    }

    [Fact]
    public void RequireSeal_KeyThatWasImported_IsRefused()
    {
        using var session = fixture.OpenSession();
        using var known = new AttributeTemplate()
            .Add(Cka.Class, Cko.SecretKey)
            .Add(Cka.KeyType, Ckk.Aes)
            .Add(Cka.Token, false)
            .Add(Cka.Private, true)
            .Add(Cka.Sensitive, true)
            .Add(Cka.Extractable, false)
            .Add(Cka.Encrypt, true)
            .Add(Cka.Decrypt, true)
            .Add(Cka.Value, new byte[32]);

        var failure = Assert.Throws<HsmException>(() => KeyPolicy.RequireSeal(session, session.Create(known), "custodian/seal/1"));

        Assert.Contains("CKA_ALWAYS_SENSITIVE off", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sign_Message_VerifiesUnderTheAuditPublicKey()
    {
        var point = fixture.Hsm.Keys.SigningPoint.ToArray();
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = point[1..33], Y = point[33..] },
        });

        Assert.True(key.VerifyData("entry"u8.ToArray(), (await Hsm.SignAsync("entry"u8.ToArray())).Value, HashAlgorithmName.SHA256));
    }
}
