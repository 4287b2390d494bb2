using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;

namespace Custodian.Pkcs11.Tests;

/// <summary>
/// What every <see cref="IHsm"/> does when versions of its keys come and go beside it. A module's test class derives from this, brings an
/// open HSM, and says how a version is made and destroyed past it.
/// </summary>
public abstract class KeyVersionContract(IHsm hsm)
{
    private const long Now = 1_800_000_000_000;
    private const long Later = Now + (15 * 60 * 1000);

    private static readonly byte[] Aad = Encoding.UTF8.GetBytes("record account 1 record 1");
    private static readonly byte[] OtherAad = Encoding.UTF8.GetBytes("record account 1 record 2");
    private static readonly byte[] Share = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    // What the HSM was told lives as long as it does, over all tests of a class.
    private static readonly ConditionalWeakTable<IHsm, List<TokenKey>> AuthorisedAt = [];

    protected IHsm Hsm => hsm;

    private protected List<TokenKey> Authorised => AuthorisedAt.GetValue(hsm, static first => [.. first.RefreshKeysAsync().AsTask().GetAwaiter().GetResult().InUse]);

    [Fact]
    public async Task Refresh_NewSealKey_IsThatOfNewBlobsAndTheOldOnesOpen()
    {
        var (record, evaluated) = await NewRecordAsync();
        var secret = await hsm.SealAsync(Share, Aad);

        var version = await RotateAsync(KeyPurpose.Seal);

        var (newer, newerEvaluated) = await NewRecordAsync();
        Assert.True(VersionsOf(record).Seal < version);
        Assert.Equal(version, VersionsOf(newer).Seal);
        Assert.Equal(version, VersionsOf(await hsm.SealAsync(Share, Aad)).Seal);
        Assert.Equal(evaluated, (await EvaluateAsync(record)).Evaluated);
        Assert.Equal(newerEvaluated, (await EvaluateAsync(newer)).Evaluated);
        Assert.Equal(Share, await hsm.OpenAsync(secret, Aad));
    }

    [Fact]
    public async Task Refresh_NewWrapKey_IsThatOfNewKeysAndPreparedOnesAreAdoptedUnderTheOld()
    {
        var prepared = await PrepareAsync();

        var version = await RotateAsync(KeyPurpose.Wrap);

        var record = await AdoptAsync(prepared.SealedKey);
        var newer = await PrepareAsync();
        Assert.Equal(VersionsOf(prepared.SealedKey).Wrap, VersionsOf(record).Wrap);
        Assert.True(VersionsOf(record).Wrap < version);
        Assert.Equal(version, VersionsOf(newer.SealedKey).Wrap);
        Assert.Equal(prepared.Evaluated, (await EvaluateAsync(record)).Evaluated);
        Assert.Equal(newer.Evaluated, (await EvaluateAsync(await AdoptAsync(newer.SealedKey))).Evaluated);
    }

    [Fact]
    public async Task Refresh_NewAuditKey_SignsAndOldSignaturesVerifyEvenOnceTheirKeyIsGone()
    {
        var message = "an entry"u8.ToArray();
        var old = await hsm.SignAsync(message);
        var oldPoint = (await hsm.RefreshKeysAsync()).SigningPoint;

        var version = await RotateAsync(KeyPurpose.Audit);
        var signature = await hsm.SignAsync(message);
        await DestroyAsync(Listed(KeyPurpose.Audit, old.KeyVersion));
        var keys = await hsm.RefreshKeysAsync();

        Assert.Equal(version, signature.KeyVersion);
        Assert.NotEqual(version, old.KeyVersion);
        Assert.DoesNotContain(old.KeyVersion, keys.Of(KeyPurpose.Audit));
        Assert.Equal(version, keys.Newest(KeyPurpose.Audit));
        Assert.True(Verifies(oldPoint, old, message));
        Assert.True(Verifies(keys.SigningPoint, signature, message));
        Assert.False(Verifies(keys.SigningPoint, old, message));
        Assert.Equal(version, (await hsm.SignAsync(message)).KeyVersion);
    }

    [Fact]
    public async Task Refresh_NothingCame_TellsTheVersionsThereAre()
    {
        var keys = await hsm.RefreshKeysAsync();

        Assert.NotEmpty(keys.Of(KeyPurpose.Seal));
        Assert.Equal(keys.Of(KeyPurpose.Seal).Order().Distinct(), keys.Of(KeyPurpose.Seal));
        Assert.Equal(keys.Of(KeyPurpose.Wrap)[^1], keys.Newest(KeyPurpose.Wrap));
        Assert.All(keys.InUse, used => Assert.Contains(used, keys.Fit));
        Assert.Equal(keys.Newest(KeyPurpose.Audit), (await hsm.SignAsync(Share)).KeyVersion);
    }

    [Fact]
    public async Task Reseal_RecordUnderAnOlderKey_IsUnderTheNewestAndEvaluatesAsBefore()
    {
        var (record, evaluated) = await NewRecordAsync();
        var version = await RotateAsync(KeyPurpose.Seal);
        await RotateAsync(KeyPurpose.Wrap);

        var resealed = await ResealAsync(record, Aad);

        Assert.Equal(new BlobVersions(version, VersionsOf(record).Wrap), VersionsOf(resealed));
        Assert.Equal(record.Length, resealed.Length);
        var evaluation = await EvaluateAsync(resealed);
        Assert.Equal(evaluated, evaluation.Evaluated);
        Assert.Equal(Share, evaluation.MaskedShare);
        Assert.Equal(evaluated, (await EvaluateAsync(record)).Evaluated);
    }

    [Fact]
    public async Task Reseal_NodeSecretUnderAnOlderKey_OpensToTheSame()
    {
        var secret = await hsm.SealAsync(Share, Aad);
        var version = await RotateAsync(KeyPurpose.Seal);

        var resealed = await ResealAsync(secret, Aad);

        Assert.Equal(new BlobVersions(version, null), VersionsOf(resealed));
        Assert.Equal(Share, await hsm.OpenAsync(resealed, Aad));
    }

    [Fact]
    public async Task Reseal_UnderTheNewestKeyAlready_IsTheSameBytes()
    {
        var (record, _) = await NewRecordAsync();

        Assert.Equal(record, await ResealAsync(record, Aad));
    }

    [Fact]
    public async Task Reseal_WhatDoesNotOpenHere_IsData()
    {
        var (record, evaluated) = await NewRecordAsync();
        var prepared = (await PrepareAsync()).SealedKey;
        await RotateAsync(KeyPurpose.Seal);

        await AssertDataAsync(() => ResealAsync(record, OtherAad));
        await AssertDataAsync(() => ResealAsync(prepared, Aad));
        foreach (var mutation in Mutations.PartOf(record))
        {
            await AssertDataAsync(() => ResealAsync(mutation, Aad));
        }
        Assert.Equal(evaluated, (await EvaluateAsync(record)).Evaluated);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public async Task Evaluate_VersionThatTheTokenNeverHad_IsDataAndNothingElseIsDisturbed(int versionAt)
    {
        var (record, evaluated) = await NewRecordAsync();
        var other = (byte[])record.Clone();
        other[versionAt] = 0x77;

        var failure = await AssertDataAsync(() => EvaluateAsync(other));

        // The seal key's version is asked for; the wrap key's is authenticated before anyone asks for it.
        Assert.Equal(versionAt == 4, failure.IsOfMissingKey);
        await hsm.ProbeAsync(CancellationToken.None);
        Assert.Equal(evaluated, (await EvaluateAsync(record)).Evaluated);
    }

    [Fact]
    public async Task Open_KeyThatIsGone_IsDataOfThatReasonAndNothingElseIsDisturbed()
    {
        var prepared = await PrepareAsync();
        var (record, _) = await NewRecordAsync();
        var secret = await hsm.SealAsync(Share, Aad);
        var gone = VersionsOf(record);
        await RotateAsync(KeyPurpose.Seal);
        var resealed = await ResealAsync(record, Aad);

        await DestroyAsync(Listed(KeyPurpose.Seal, gone.Seal));
        Assert.DoesNotContain(gone.Seal, (await hsm.RefreshKeysAsync()).Of(KeyPurpose.Seal));

        Assert.True((await AssertDataAsync(() => EvaluateAsync(record))).IsOfMissingKey);
        Assert.True((await AssertDataAsync(async () => await hsm.OpenAsync(secret, Aad))).IsOfMissingKey);
        Assert.True((await AssertDataAsync(() => ResealAsync(record, Aad))).IsOfMissingKey);
        Assert.Contains($"custodian/seal/{gone.Seal}", (await AssertDataAsync(() => EvaluateAsync(record))).Message, StringComparison.Ordinal);
        Assert.Equal(AdoptOutcome.Rejected, (await TryAdoptAsync(prepared.SealedKey)).Outcome);
        Assert.Equal(Share, (await EvaluateAsync(resealed)).MaskedShare);
    }

    [Fact]
    public async Task Evaluate_WrapKeyThatIsGone_IsDataOfThatReasonAndNothingElseIsDisturbed()
    {
        var (record, _) = await NewRecordAsync();
        var gone = VersionsOf(record).Wrap!.Value;
        await RotateAsync(KeyPurpose.Wrap);
        var (newer, evaluated) = await NewRecordAsync();

        await DestroyAsync(Listed(KeyPurpose.Wrap, gone));

        // Noticed by the operation itself, before anyone looks.
        Assert.True((await AssertDataAsync(() => EvaluateAsync(record))).IsOfMissingKey);
        Assert.Equal(evaluated, (await EvaluateAsync(newer)).Evaluated);
        await hsm.ProbeAsync(CancellationToken.None);
    }

    /// <summary>A record under a key that is gone would be stored, and never evaluate.</summary>
    [Fact]
    public async Task Adopt_WrapKeyThatIsGone_IsRejectedAndAKeyUnderTheNewestIsAdopted()
    {
        var prepared = await PrepareAsync();
        var gone = VersionsOf(prepared.SealedKey).Wrap!.Value;
        await RotateAsync(KeyPurpose.Wrap);
        var newer = await PrepareAsync();

        await DestroyAsync(Listed(KeyPurpose.Wrap, gone));
        Assert.DoesNotContain(gone, (await hsm.RefreshKeysAsync()).Of(KeyPurpose.Wrap));

        var refused = await TryAdoptAsync(prepared.SealedKey);
        Assert.Equal((AdoptOutcome.Rejected, null), (refused.Outcome, refused.SealedRecord));
        Assert.Equal(newer.Evaluated, (await EvaluateAsync(await AdoptAsync(newer.SealedKey))).Evaluated);
    }

    /// <summary>Nobody has looked since it went: the operation itself notices, and stores nothing that never evaluates.</summary>
    [Fact]
    public async Task Adopt_WrapKeyThatWentAMomentAgo_IsRejectedAndAKeyUnderTheNewestIsAdopted()
    {
        var prepared = await PrepareAsync();
        var gone = VersionsOf(prepared.SealedKey).Wrap!.Value;
        await RotateAsync(KeyPurpose.Wrap);
        var newer = await PrepareAsync();

        await DestroyAsync(Listed(KeyPurpose.Wrap, gone));

        Assert.Equal(AdoptOutcome.Rejected, (await TryAdoptAsync(prepared.SealedKey)).Outcome);
        Assert.Equal(newer.Evaluated, (await EvaluateAsync(await AdoptAsync(newer.SealedKey))).Evaluated);
        await hsm.ProbeAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Evaluate_PartsOfTwoRecordsPutTogether_IsData()
    {
        var (first, _) = await NewRecordAsync();
        var (second, _) = await NewRecordAsync();

        // Header, IV, then the ciphertext, whose wrapped key follows a length of four bytes.
        for (var take = 1; take < first.Length - 40; take += 13)
        {
            byte[] mixed = [.. first[..28], .. second[28..(28 + take)], .. first[(28 + take)..]];
            await AssertDataAsync(() => EvaluateAsync(mixed));
        }
        await AssertDataAsync(() => EvaluateAsync([.. first[..^16], .. second[^16..]]));
        await AssertDataAsync(() => EvaluateAsync([.. first[..12], .. second[12..24], .. first[24..]]));
    }

    [Fact]
    public async Task Everything_WhileVersionsCome_AllRight()
    {
        var records = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => NewRecordAsync()));
        using var stop = new CancellationTokenSource();

        var load = Task.WhenAll(records.Select(record => Task.Run(async () =>
        {
            var (blob, evaluated) = record;
            while (!stop.IsCancellationRequested)
            {
                blob = await ResealAsync(blob, Aad);
                Assert.Equal(evaluated, (await EvaluateAsync(blob)).Evaluated);
                await NewRecordAsync();
                Assert.Equal(64, (await hsm.SignAsync(blob)).Value.Length);
            }
            return VersionsOf(await ResealAsync(blob, Aad)).Seal;
        })));
        foreach (var purpose in (KeyPurpose[])[KeyPurpose.Seal, KeyPurpose.Wrap, KeyPurpose.Audit, KeyPurpose.Seal, KeyPurpose.Seal])
        {
            await RotateAsync(purpose);
        }
        await stop.CancelAsync();

        var newest = (await hsm.RefreshKeysAsync()).Newest(KeyPurpose.Seal);
        Assert.All(await load, version => Assert.Equal(newest, version));
    }

    /// <summary>Makes a version in the token, past the HSM.</summary>
    private protected abstract Task<TokenKey> MakeAsync(KeyPurpose purpose, uint version);

    /// <summary>Destroys a version in the token, past the HSM; of an audit key the private half.</summary>
    private protected abstract Task DestroyAsync(TokenKey key);

    private async Task<uint> RotateAsync(KeyPurpose purpose)
    {
        var before = await hsm.RefreshKeysAsync();
        var next = before.Newest(purpose) + 1;
        var made = await MakeAsync(purpose, next);
        Assert.Equal(next - 1, (await hsm.RefreshKeysAsync()).Newest(purpose));
        Authorised.Add(made);
        Assert.Equal(next, (await hsm.RefreshKeysAsync([.. Authorised])).Newest(purpose));
        return next;
    }

    private TokenKey Listed(KeyPurpose purpose, uint version) => Authorised.Single(key => key.Purpose == purpose && key.Version == version);

    private static BlobVersions VersionsOf(byte[] blob) =>
        BlobVersions.TryRead(blob, out var versions) ? versions : throw new InvalidOperationException("No blob.");

    private static bool Verifies(ReadOnlyMemory<byte> signer, HsmSignature signature, byte[] message)
    {
        var point = signer.ToArray();
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = point[1..33], Y = point[33..] },
        });
        return key.VerifyData(message, signature.Value, HashAlgorithmName.SHA256);
    }

    private static async Task<HsmException> AssertDataAsync(Func<Task> operation)
    {
        var failure = await Assert.ThrowsAsync<HsmException>(operation);
        Assert.Equal(HsmErrorClass.Data, failure.Class);
        return failure;
    }

    private async Task<(byte[] Record, byte[] Evaluated)> NewRecordAsync()
    {
        var prepared = await PrepareAsync();
        return (await AdoptAsync(prepared.SealedKey), prepared.Evaluated);
    }

    private async Task<PreparedKey> PrepareAsync()
    {
        using var admission = await AdmitAsync();
        return await hsm.PrepareAsync(admission, P256.Generator, Later, Aad);
    }

    private async Task<byte[]> AdoptAsync(byte[] sealedKey)
    {
        var adopted = await TryAdoptAsync(sealedKey);
        Assert.Equal(AdoptOutcome.Adopted, adopted.Outcome);
        return adopted.SealedRecord!;
    }

    private async Task<AdoptedKey> TryAdoptAsync(byte[] sealedKey)
    {
        using var admission = await AdmitAsync();
        return await hsm.AdoptAsync(admission, sealedKey, Now, Aad, Share, Aad);
    }

    private async Task<Evaluation> EvaluateAsync(byte[] record)
    {
        using var admission = await AdmitAsync();
        return await hsm.EvaluateAsync(admission, record, Aad, P256.Generator);
    }

    private async Task<byte[]> ResealAsync(byte[] blob, byte[] aad)
    {
        using var admission = await AdmitAsync();
        return await hsm.ResealAsync(admission, blob, aad);
    }

    private async Task<HsmAdmission> AdmitAsync() =>
        await hsm.AdmitAsync(CancellationToken.None) ?? throw new InvalidOperationException("No place was free.");
}
