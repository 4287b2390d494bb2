namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>A record in an HSM, and what every evaluation of it must give.</summary>
internal sealed class KnownRecord
{
    private static readonly byte[] Aad = [7];
    private static readonly byte[] Share = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    private readonly byte[] sealedRecord;
    private readonly byte[] point;
    private readonly byte[] expected;

    private KnownRecord(byte[] sealedRecord, byte[] point, byte[] expected) =>
        (this.sealedRecord, this.point, this.expected) = (sealedRecord, point, expected);

    internal static async Task<KnownRecord> MakeAsync(IHsm hsm)
    {
        var point = P256.NewPoint();
        using var first = await hsm.AdmitAsync(CancellationToken.None);
        using var second = await hsm.AdmitAsync(CancellationToken.None);
        var prepared = await hsm.PrepareAsync(first!, point, long.MaxValue, Aad);
        var adopted = await hsm.AdoptAsync(second!, prepared.SealedKey, 0, Aad, Share, Aad);
        return new KnownRecord(adopted.SealedRecord!, point, prepared.Evaluated);
    }

    /// <summary>Evaluates it, and fails the test when the answer is another than it must be.</summary>
    internal async Task EvaluateAsync(IHsm hsm)
    {
        using var admission = await hsm.AdmitAsync(CancellationToken.None);
        var evaluation = await hsm.EvaluateAsync(admission!, sealedRecord, Aad, point);
        Assert.Equal(expected, evaluation.Evaluated);
        Assert.Equal(Share, evaluation.MaskedShare);
    }

    /// <summary>The same; null, or how the HSM failed.</summary>
    internal async Task<HsmException?> TryEvaluateAsync(IHsm hsm)
    {
        try
        {
            await EvaluateAsync(hsm);
            return null;
        }
        catch (HsmException failure)
        {
            return failure;
        }
    }

    /// <summary>Evaluates it over and over with many callers until told to stop.</summary>
    /// <returns>How often it was evaluated, and every failure.</returns>
    internal async Task<(int Right, IReadOnlyList<HsmException> Failures)> LoadAsync(IHsm hsm, int callers, CancellationToken stop)
    {
        var results = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(() => CallAsync(hsm, stop), CancellationToken.None)));
        return (results.Sum(r => r.Right), [.. results.SelectMany(r => r.Failures)]);
    }

    private async Task<(int Right, List<HsmException> Failures)> CallAsync(IHsm hsm, CancellationToken stop)
    {
        var right = 0;
        var failures = new List<HsmException>();
        while (!stop.IsCancellationRequested)
        {
            if (await TryEvaluateAsync(hsm) is { } failure)
            {
                failures.Add(failure);
                await Task.Yield();
            }
            else
            {
                right++;
            }
        }
        return (right, failures);
    }
}
