using Custodian.Pkcs11;

namespace Custodian.Benchmarks;

/// <summary>The operations of an HSM with something to do them on.</summary>
internal sealed class HsmWork
{
    internal const string Seal = "seal 64 B";
    internal const string Open = "open 64 B";
    internal const string Evaluate = "evaluate";

    /// <summary>A key's whole life: prepared, adopted, evaluated.</summary>
    internal const string FullCycle = "full cycle";

    internal static readonly byte[] Aad = new byte[100];

    private static readonly byte[] Share = new byte[32];

    private readonly IHsm _hsm;
    private readonly byte[] _point = BareHsm.APoint();
    private byte[] _sealedKey = [];
    private byte[] _sealedRecord = [];
    private byte[] _blob = [];

    private HsmWork(IHsm hsm) => _hsm = hsm;

    /// <summary>What can be measured.</summary>
    internal static IReadOnlyList<string> Operations { get; } = [Seal, Open, Evaluate, FullCycle];

    internal static async Task<HsmWork> PrepareAsync(IHsm hsm)
    {
        var work = new HsmWork(hsm);
        work._sealedKey = await work.MakeKeyAsync();
        work._sealedRecord = await work.AdoptAsync(work._sealedKey);
        work._blob = await hsm.SealAsync(new byte[64], Aad);
        return work;
    }

    internal async Task DoAsync(string operation)
    {
        switch (operation)
        {
            case Seal:
                await _hsm.SealAsync(new byte[64], Aad);
                break;
            case Open:
                await _hsm.OpenAsync(_blob, Aad);
                break;
            case Evaluate:
                await EvaluateAsync(_sealedRecord);
                break;
            default:
                await EvaluateAsync(await AdoptAsync(await MakeKeyAsync()));
                break;
        }
    }

    private async Task<byte[]> MakeKeyAsync()
    {
        using HsmAdmission? admission = await _hsm.AdmitAsync(CancellationToken.None);
        return (await _hsm.PrepareAsync(admission!, _point, long.MaxValue, Aad)).SealedKey;
    }

    private async Task<byte[]> AdoptAsync(byte[] sealedKey)
    {
        using HsmAdmission? admission = await _hsm.AdmitAsync(CancellationToken.None);
        return (await _hsm.AdoptAsync(admission!, sealedKey, 0, Aad, Share, Aad)).SealedRecord!;
    }

    private async Task EvaluateAsync(byte[] sealedRecord)
    {
        using HsmAdmission? admission = await _hsm.AdmitAsync(CancellationToken.None);
        await _hsm.EvaluateAsync(admission!, sealedRecord, Aad, _point);
    }
}
