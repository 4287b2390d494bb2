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
        List<TokenKey> authorised = [.. token.Made!];
        foreach (var purpose in Enum.GetValues<KeyPurpose>())
        {
            var made = await TokenKeys.RotateAsync(token.Options(), purpose, 0, CancellationToken.None);
            Assert.Equal(TokenKeys.LabelOf(purpose, 2), made.Label);
            authorised.Add(made.Key);
        }
        Assert.Equal([1U, 2U], (await hsm.RefreshKeysAsync(authorised)).Of(KeyPurpose.Wrap));
        await TokenKeys.RetireAsync(token.Options(authorised: authorised), token.Made![2], CancellationToken.None);

        // The next process starts with what this one was told.
        HostSignals.Send(host.ProcessId, HostSignals.Kill);
        await events.NextAsync<HostStarted>();

        await record.EvaluateAsync(hsm);
        Assert.Equal(2U, (await hsm.SignAsync(new byte[1])).KeyVersion);
        Assert.Equal([1U, 2U], hsm.Keys.Of(KeyPurpose.Seal));
        Assert.Empty(events.Of<HostNotStarted>());
    }

    /// <summary>What comes after a process that is replaced in good time knows what the one before it was told.</summary>
    [Fact]
    public async Task Host_RecycledWhileAVersionIsTakenUp_TheSuccessorMakesNewThingsUnderIt()
    {
        var events = new SeenEvents();
        using var token = new SoftHsmToken();
        await token.CreateKeysAsync();
        await using var hsm = await IsolatedHsm.OpenAsync(
            token.Options(), new IsolationOptions { Program = TestHosts.Sound(token), Observer = events.See, RecycleAfter = 20 }, CancellationToken.None);
        var record = await KnownRecord.MakeAsync(hsm);
        using var stop = new CancellationTokenSource();
        var load = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await record.EvaluateAsync(hsm);
            }
        });
        List<TokenKey> authorised = [.. token.Made!];
        for (uint version = 2; version <= 5; version++)
        {
            authorised.Add((await TokenKeys.RotateAsync(token.Options(authorised: authorised), KeyPurpose.Seal, 0, CancellationToken.None)).Key);
            Assert.Equal(version, (await hsm.RefreshKeysAsync([.. authorised])).Newest(KeyPurpose.Seal));
            await events.NextAsync<HostRecycled>();

            Assert.True(BlobVersions.TryRead(await hsm.SealAsync(new byte[1], new byte[1]), out var versions));
            Assert.Equal(version, versions.Seal);
        }
        await stop.CancelAsync();
        await load;

        await record.EvaluateAsync(hsm);
        Assert.Empty(events.Of<HostNotStarted>());
    }

    /// <summary>What the HSM refused, no later process is started with.</summary>
    [Fact]
    public async Task Host_ReplacedAfterKeysThatAreNotThereWereRefused_ServesWithThoseOfBefore()
    {
        var events = new SeenEvents();
        using var token = new SoftHsmToken();
        await token.CreateKeysAsync();
        await using var hsm = await IsolatedHsm.OpenAsync(
            token.OpenOnly(), new IsolationOptions { Program = TestHosts.Sound(token), Observer = events.See }, CancellationToken.None);
        var host = await events.NextAsync<HostStarted>();
        Assert.True((await Assert.ThrowsAsync<HsmException>(async () => await hsm.SealAsync(new byte[1], new byte[1]))).IsOfBadKeys);
        await hsm.RefreshKeysAsync(token.Made);
        var record = await KnownRecord.MakeAsync(hsm);

        var refused = await Assert.ThrowsAsync<HsmException>(async () => await hsm.RefreshKeysAsync([.. token.Made!.Take(2), new(KeyPurpose.Audit, 1, "00")]));
        HostSignals.Send(host.ProcessId, HostSignals.Kill);
        await events.NextAsync<HostStarted>();

        Assert.True(refused.IsOfBadKeys, refused.Message);
        await record.EvaluateAsync(hsm);
        Assert.NotEmpty(await hsm.SealAsync(new byte[1], new byte[1]));
        Assert.Empty(events.Of<HostNotStarted>());
    }

    private protected override async Task<TokenKey> MakeAsync(KeyPurpose purpose, uint version)
    {
        var made = await TokenKeys.RotateAsync(fixture.Options(authorised: Authorised), purpose, version - 1, CancellationToken.None);
        Assert.Equal(TokenKeys.LabelOf(purpose, version), made.Label);
        return made.Key;
    }

    private protected override Task DestroyAsync(TokenKey key) =>
        TokenKeys.RetireAsync(fixture.Options(authorised: Authorised), key, CancellationToken.None);
}
