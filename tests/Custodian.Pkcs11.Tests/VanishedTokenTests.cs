using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>The token's directory goes away under a running node: what a lost HSM looks like through SoftHSM.</summary>
public sealed class VanishedTokenTests : IDisposable
{
    private readonly SoftHsmToken token = new();

    private string Away => token.SoftHsm.Tokens + ".away";

    public void Dispose() => token.Dispose();

    [Fact]
    public async Task Probe_TokenGone_FailsUntilOpenedAnew()
    {
        await token.CreateKeysAsync();
        var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None);
        var record = await NewRecordAsync(hsm);
        Directory.Move(token.SoftHsm.Tokens, Away);

        Assert.Equal(HsmErrorClass.Fatal, (await ProbeFailureAsync(hsm)).Class);
        Assert.Equal(HsmErrorClass.Fatal, (await Assert.ThrowsAsync<HsmException>(() => EvaluateAsync(hsm, record))).Class);

        // SoftHSM does not heal when the directory is back; initialised anew it does.
        Directory.Move(Away, token.SoftHsm.Tokens);
        await ProbeFailureAsync(hsm);
        await hsm.DisposeAsync();
        await using var again = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None);
        await again.ProbeAsync(CancellationToken.None);
        await EvaluateAsync(again, record);
    }

    [Fact]
    public async Task Open_TokenGone_IsFatal()
    {
        await token.CreateKeysAsync();
        Directory.Move(token.SoftHsm.Tokens, Away);

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
        Assert.Equal("C_Initialize", failure.Function);
    }

    private static Task<HsmException> ProbeFailureAsync(Pkcs11Hsm hsm) =>
        Assert.ThrowsAsync<HsmException>(async () => await hsm.ProbeAsync(CancellationToken.None));

    private static async Task<byte[]> NewRecordAsync(Pkcs11Hsm hsm)
    {
        using var first = await hsm.AdmitAsync(CancellationToken.None);
        using var second = await hsm.AdmitAsync(CancellationToken.None);
        var prepared = await hsm.PrepareAsync(first!, P256.Generator, long.MaxValue, new byte[1]);
        return (await hsm.AdoptAsync(second!, prepared.SealedKey, 0, new byte[1], new byte[32], new byte[2])).SealedRecord!;
    }

    private static async Task EvaluateAsync(Pkcs11Hsm hsm, byte[] record)
    {
        using var admission = await hsm.AdmitAsync(CancellationToken.None);
        await hsm.EvaluateAsync(admission!, record, new byte[2], P256.Generator);
    }
}
