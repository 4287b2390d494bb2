using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Tests.Nss;

public sealed class NssKeyVersionTests(OpenNss fixture) : KeyVersionContract(fixture.Hsm), IClassFixture<OpenNss>
{
    private protected override Task<TokenKey> MakeAsync(KeyPurpose purpose, uint version)
    {
        using var session = fixture.OpenSession(readWrite: true);

        // What NSS takes of each, and gave the first version.
        var protections = purpose == KeyPurpose.Wrap ? OptionalProtections.UnwrapTemplate : OptionalProtections.Frozen;
        return Task.FromResult(TokenVersions.Make(session, purpose, version, protections));
    }

    private protected override Task DestroyAsync(TokenKey key)
    {
        using var session = fixture.OpenSession(readWrite: true);
        TokenVersions.Destroy(session, key.Purpose, key.Version);
        return Task.CompletedTask;
    }
}
