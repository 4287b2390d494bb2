using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>Admissions of an open HSM: what is turned away, and when a place comes back.</summary>
public sealed class HsmAdmissionTests(SoftHsmWithKeys token) : IClassFixture<SoftHsmWithKeys>
{
    [Fact]
    public async Task Admit_LineFull_IsNullAtOnce()
    {
        await using var hsm = await OpenAsync(maxWaiting: 0, TimeProvider.System);
        using var only = await hsm.AdmitAsync(CancellationToken.None);

        Assert.Null(await hsm.AdmitAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Admit_WaitOver_IsNull()
    {
        var time = new ManualTime();
        await using var hsm = await OpenAsync(maxWaiting: 1, time);
        using var only = await hsm.AdmitAsync(CancellationToken.None);
        var waiting = hsm.AdmitAsync(CancellationToken.None).AsTask();

        time.Advance(TimeSpan.FromSeconds(2));

        Assert.Null(await waiting);
    }

    [Fact]
    public async Task Admit_AfterAFailedOperation_ThePlaceIsBack()
    {
        await using var hsm = await OpenAsync(maxWaiting: 0, TimeProvider.System);
        using (var admission = await hsm.AdmitAsync(CancellationToken.None))
        {
            await Assert.ThrowsAsync<HsmException>(
                async () => await hsm.EvaluateAsync(admission!, new byte[200], new byte[1], P256.Generator));
        }

        using var next = await hsm.AdmitAsync(CancellationToken.None);

        Assert.NotNull(next);
    }

    [Fact]
    public async Task Seal_WhileEveryPlaceIsTaken_NeedsNone()
    {
        await using var hsm = await OpenAsync(maxWaiting: 0, TimeProvider.System);
        using var only = await hsm.AdmitAsync(CancellationToken.None);

        var blob = await hsm.SealAsync(new byte[1], new byte[1]);

        Assert.Equal(new byte[1], await hsm.OpenAsync(blob, new byte[1]));
        await hsm.ProbeAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Seal_LongerThanABlobHolds_Throws()
    {
        await using var hsm = await OpenAsync(maxWaiting: 0, TimeProvider.System);

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await hsm.SealAsync(new byte[65537], new byte[1]));
    }

    private Task<Pkcs11Hsm> OpenAsync(int maxWaiting, TimeProvider time) => Pkcs11Hsm.OpenAsync(
        token.Options(maxAdmitted: 1, maxWaiting: maxWaiting, timeProvider: time), CancellationToken.None);
}
