using System.Security.Cryptography;
using System.Text;

namespace Custodian.Pkcs11.Tests;

/// <summary>What every <see cref="IHsm"/> does. A module's test class derives from this and brings an open HSM with four sessions.</summary>
public abstract class HsmContract(IHsm hsm)
{
    private const long Now = 1_800_000_000_000;
    private const long Later = Now + (15 * 60 * 1000);

    private static readonly byte[] PrepareAad = Encoding.UTF8.GetBytes("prepare account 1 record 1");
    private static readonly byte[] RecordAad = Encoding.UTF8.GetBytes("record account 1 record 1");
    private static readonly byte[] OtherAad = Encoding.UTF8.GetBytes("record account 1 record 2");
    private static readonly byte[] Share = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    protected IHsm Hsm => hsm;

    [Fact]
    public async Task Evaluate_AdoptedKey_GivesWhatPrepareGaveAndTheShare()
    {
        var point = P256.NewPoint();
        var prepared = await PrepareAsync(point);
        var record = await AdoptRecordAsync(prepared.SealedKey);

        var evaluation = await EvaluateAsync(record, point);

        Assert.Equal(32, prepared.Evaluated.Length);
        Assert.Equal(prepared.Evaluated, evaluation.Evaluated);
        Assert.Equal(Share, evaluation.MaskedShare);
    }

    [Fact]
    public async Task Evaluate_AtGenerator_AgreesWithTheFrameworksEcdh()
    {
        using var client = P256.NewKey();
        var prepared = await PrepareAsync(P256.Point(client));
        var record = await AdoptRecordAsync(prepared.SealedKey);

        var publicX = (await EvaluateAsync(record, P256.Generator)).Evaluated;

        Assert.Equal(P256.MultiplyX(client, publicX), prepared.Evaluated);
    }

    [Fact]
    public async Task Evaluate_NegatedPoint_GivesTheSameX()
    {
        using var client = P256.NewKey();
        var record = await AdoptRecordAsync((await PrepareAsync(P256.Generator)).SealedKey);
        var publicX = (await EvaluateAsync(record, P256.Generator)).Evaluated;

        Assert.Equal(P256.MultiplyX(client, publicX), (await EvaluateAsync(record, P256.Point(client))).Evaluated);
    }

    [Fact]
    public async Task Prepare_Twice_MakesTwoKeys()
    {
        var first = await PrepareAsync(P256.Generator);
        var second = await PrepareAsync(P256.Generator);

        Assert.NotEqual(first.Evaluated, second.Evaluated);
        Assert.NotEqual(first.SealedKey, second.SealedKey);
    }

    [Fact]
    public async Task Adopt_LastMillisecond_IsAdopted()
    {
        var prepared = await PrepareAsync(P256.Generator);

        Assert.Equal(AdoptOutcome.Adopted, (await AdoptAsync(prepared.SealedKey, PrepareAad, Later - 1)).Outcome);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(long.MaxValue - Later)]
    public async Task Adopt_AtOrAfterExpiry_IsExpired(long after)
    {
        var prepared = await PrepareAsync(P256.Generator);

        var adopted = await AdoptAsync(prepared.SealedKey, PrepareAad, Later + after);

        Assert.Equal(new AdoptedKey(AdoptOutcome.Expired, null), adopted);
    }

    [Fact]
    public async Task Adopt_OtherAad_IsRejected()
    {
        var prepared = await PrepareAsync(P256.Generator);

        Assert.Equal(new AdoptedKey(AdoptOutcome.Rejected, null), await AdoptAsync(prepared.SealedKey, OtherAad, Now));
        Assert.Equal(AdoptOutcome.Rejected, (await AdoptAsync(prepared.SealedKey, [], Now)).Outcome);
    }

    [Fact]
    public async Task Adopt_AnyByteChanged_IsRejected()
    {
        var prepared = await PrepareAsync(P256.Generator);

        foreach (var mutation in Mutations.PartOf(prepared.SealedKey))
        {
            Assert.Equal(AdoptOutcome.Rejected, (await AdoptAsync(mutation, PrepareAad, Now)).Outcome);
        }
    }

    [Fact]
    public async Task Evaluate_AnyByteChanged_IsData()
    {
        var record = await AdoptRecordAsync((await PrepareAsync(P256.Generator)).SealedKey);

        foreach (var mutation in Mutations.PartOf(record))
        {
            await AssertDataAsync(async () => await EvaluateAsync(mutation, P256.Generator));
        }
    }

    [Fact]
    public async Task Open_AnyByteChanged_IsData()
    {
        var secret = await hsm.SealAsync(Share, RecordAad);

        foreach (var mutation in Mutations.PartOf(secret))
        {
            await AssertDataAsync(async () => await hsm.OpenAsync(mutation, RecordAad));
        }
    }

    [Fact]
    public async Task Evaluate_OtherAad_IsData()
    {
        var record = await AdoptRecordAsync((await PrepareAsync(P256.Generator)).SealedKey);

        await AssertDataAsync(async () =>
        {
            using var admission = await AdmitAsync();
            await hsm.EvaluateAsync(admission, record, OtherAad, P256.Generator);
        });
    }

    [Fact]
    public async Task Blobs_InAnotherRole_DoNotOpen()
    {
        var prepared = (await PrepareAsync(P256.Generator, RecordAad)).SealedKey;
        var record = (await AdoptAsync(prepared, RecordAad, Now)).SealedRecord!;
        var secret = await hsm.SealAsync(new byte[184], RecordAad);

        Assert.Equal(AdoptOutcome.Rejected, (await AdoptAsync(record, RecordAad, Now)).Outcome);
        Assert.Equal(AdoptOutcome.Rejected, (await AdoptAsync(secret, RecordAad, Now)).Outcome);
        await AssertDataAsync(async () => await EvaluateAsync(prepared, P256.Generator));
        await AssertDataAsync(async () => await EvaluateAsync(secret, P256.Generator));
        await AssertDataAsync(async () => await hsm.OpenAsync(prepared, RecordAad));
        await AssertDataAsync(async () => await hsm.OpenAsync(record, RecordAad));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(32)]
    [InlineData(65536)]
    public async Task Open_WhatWasSealed_IsTheSame(int length)
    {
        var secret = RandomNumberGenerator.GetBytes(length);

        var blob = await hsm.SealAsync(secret, RecordAad);

        Assert.Equal(secret, await hsm.OpenAsync(blob, RecordAad));
        await AssertDataAsync(async () => await hsm.OpenAsync(blob, OtherAad));
    }

    [Fact]
    public async Task Open_EmptyAad_IsItsOwnContext()
    {
        var blob = await hsm.SealAsync(Share, ReadOnlyMemory<byte>.Empty);

        Assert.Equal(Share, await hsm.OpenAsync(blob, ReadOnlyMemory<byte>.Empty));
        await AssertDataAsync(async () => await hsm.OpenAsync(blob, new byte[1]));
    }

    [Fact]
    public async Task Seal_SameTwice_GivesDifferentBlobs() =>
        Assert.NotEqual(await hsm.SealAsync(Share, RecordAad), await hsm.SealAsync(Share, RecordAad));

    [Fact]
    public async Task Random_TwoDestinations_AreFilledDifferently()
    {
        var destinations = new byte[2][] { new byte[32], new byte[32] };

        await hsm.RandomAsync(destinations[0]);
        await hsm.RandomAsync(destinations[1]);
        await hsm.RandomAsync(Memory<byte>.Empty);

        Assert.NotEqual(destinations[0], destinations[1]);
        Assert.All(destinations, bytes => Assert.NotEqual(new byte[32], bytes));
    }

    [Fact]
    public async Task Probe_HealthyHsm_Passes() => await hsm.ProbeAsync(CancellationToken.None);

    [Fact]
    public async Task Evaluate_SixtyFourAtOnceOverFourSessions_AllRight()
    {
        var prepared = await PrepareAsync(P256.Generator);
        var record = await AdoptRecordAsync(prepared.SealedKey);
        using var client = P256.NewKey();
        var atClient = P256.MultiplyX(client, prepared.Evaluated);
        byte[][] points = [P256.Generator, P256.Point(client)];
        byte[][] expected = [prepared.Evaluated, atClient];

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => EvaluateAsync(record, points[i % 2])));

        Assert.All(answers.Select((answer, i) => (answer, i)), pair => Assert.Equal(expected[pair.i % 2], pair.answer.Evaluated));
    }

    [Fact]
    public async Task Everything_AtOnce_AllRight()
    {
        async Task OneOfEach(int seed)
        {
            var point = P256.NewPoint();
            var prepared = await PrepareAsync(point);
            var secret = RandomNumberGenerator.GetBytes(seed);
            var blob = await hsm.SealAsync(secret, RecordAad);
            await AssertDataAsync(async () => await hsm.OpenAsync(blob, OtherAad));
            var record = await AdoptRecordAsync(prepared.SealedKey);
            Assert.Equal(prepared.Evaluated, (await EvaluateAsync(record, point)).Evaluated);
            Assert.Equal(secret, await hsm.OpenAsync(blob, RecordAad));
            Assert.Equal(64, (await hsm.SignAsync(secret)).Value.Length);
        }

        await Task.WhenAll(Enumerable.Range(1, 40).Select(OneOfEach));
    }

    [Fact]
    public async Task Operation_UsedAdmission_Throws()
    {
        using var admission = await AdmitAsync();
        await hsm.PrepareAsync(admission, P256.Generator, Later, PrepareAad);

        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await hsm.PrepareAsync(admission, P256.Generator, Later, PrepareAad));
    }

    [Fact]
    public async Task Operation_DisposedAdmission_Throws()
    {
        var admission = await AdmitAsync();
        admission.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(
            async () => await hsm.PrepareAsync(admission, P256.Generator, Later, PrepareAad));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(33)]
    [InlineData(64)]
    [InlineData(66)]
    public async Task Prepare_PointOfAnotherForm_Throws(int length)
    {
        using var admission = await AdmitAsync();
        var point = new byte[length];
        Array.Fill(point, (byte)4);

        await Assert.ThrowsAsync<ArgumentException>(async () => await hsm.PrepareAsync(admission, point, Later, PrepareAad));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public async Task Adopt_ShareOfAnotherLength_Throws(int length)
    {
        using var admission = await AdmitAsync();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            async () => await hsm.AdoptAsync(admission, new byte[10], Now, PrepareAad, new byte[length], RecordAad));
    }

    private static async Task AssertDataAsync(Func<Task> operation)
    {
        var failure = await Assert.ThrowsAsync<HsmException>(operation);
        Assert.Equal(HsmErrorClass.Data, failure.Class);
        Assert.False(failure.IsTransient);
    }

    private async Task<HsmAdmission> AdmitAsync() =>
        await hsm.AdmitAsync(CancellationToken.None) ?? throw new InvalidOperationException("No place was free.");

    private async Task<PreparedKey> PrepareAsync(byte[] point, byte[]? aad = null)
    {
        using var admission = await AdmitAsync();
        return await hsm.PrepareAsync(admission, point, Later, aad ?? PrepareAad);
    }

    private async Task<AdoptedKey> AdoptAsync(byte[] sealedKey, byte[] prepareAad, long now)
    {
        using var admission = await AdmitAsync();
        return await hsm.AdoptAsync(admission, sealedKey, now, prepareAad, Share, RecordAad);
    }

    private async Task<byte[]> AdoptRecordAsync(byte[] sealedKey)
    {
        var adopted = await AdoptAsync(sealedKey, PrepareAad, Now);
        Assert.Equal(AdoptOutcome.Adopted, adopted.Outcome);
        return adopted.SealedRecord!;
    }

    private async Task<Evaluation> EvaluateAsync(byte[] record, byte[] point)
    {
        using var admission = await AdmitAsync();
        return await hsm.EvaluateAsync(admission, record, RecordAad, point);
    }
}
