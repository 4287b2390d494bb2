using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>The HSM in a process of its own, and an operator's commands in another.</summary>
public sealed class IsolatedKeyVersionTests(OpenIsolatedHsm fixture) : KeyVersionContract(fixture.Hsm), IClassFixture<OpenIsolatedHsm>
{
    [Fact]
    public async Task Host_ReplacedAfterEveryKeyWasRotatedAndTheFirstRetired_ServesOn()
    {
        var events = new SeenEvents();
        using var token = new SoftHsmToken();
        await token.CreateKeysAsync();
        await using var hsm = await IsolatedHsm.OpenAsync(
            token.Options(), new IsolationOptions { Program = TestHosts.Sound(token), Observer = events.See }, CancellationToken.None);
        var record = await KnownRecord.MakeAsync(hsm);
        var host = await events.NextAsync<HostStarted>();
        List<AuthorisedKey> authorised = [];
        foreach (var purpose in Enum.GetValues<KeyPurpose>())
        {
            var made = await TokenKeys.RotateAsync(token.Options(), purpose, 0, CancellationToken.None);
            Assert.Equal(TokenKeys.LabelOf(purpose, 2), made.Label);
            authorised.Add(made.Key);
        }
        Assert.Equal([1U, 2U], (await hsm.RefreshKeysAsync(authorised)).Wrap);
        await TokenKeys.RetireAsync(token.Options(authorised: authorised), KeyPurpose.Audit, 1, CancellationToken.None);

        // The next process starts with what this one was told.
        HostSignals.Send(host.ProcessId, HostSignals.Kill);
        await events.NextAsync<HostStarted>();

        await record.EvaluateAsync(hsm);
        Assert.Equal(2U, (await hsm.SignAsync(new byte[1])).KeyVersion);
        Assert.Equal([1U, 2U], hsm.Keys.Seal);
        Assert.Empty(events.Of<HostNotStarted>());
    }

    private protected override async Task<AuthorisedKey> MakeAsync(KeyPurpose purpose, uint version)
    {
        var made = await TokenKeys.RotateAsync(fixture.Options(authorised: Authorised), purpose, version - 1, CancellationToken.None);
        Assert.Equal(TokenKeys.LabelOf(purpose, version), made.Label);
        return made.Key;
    }

    private protected override Task DestroyAsync(KeyPurpose purpose, uint version) =>
        TokenKeys.RetireAsync(fixture.Options(authorised: Authorised), purpose, version, CancellationToken.None);
}
