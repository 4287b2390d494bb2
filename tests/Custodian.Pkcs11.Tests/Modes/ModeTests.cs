using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Examination;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Modes;

/// <summary>
/// The two places where records' keys are evaluated: which modules serve which, that the weaker one is never chosen by itself, and that what
/// is of one is refused in the other by name.
/// </summary>
public sealed class ModeTests : IDisposable
{
    private static readonly byte[] Aad = [7];

    private readonly SoftHsmToken token = new();

    public void Dispose() => token.Dispose();

    /// <summary>What AWS CloudHSM is by its documentation; and a module that wraps no EC key.</summary>
    [Theory]
    [InlineData("DeriveKey")]
    [InlineData("WrapKey UnwrapKey")]
    [InlineData("DeriveKey WrapKey UnwrapKey")]
    public async Task Module_WithoutWhatEvaluationInTheHsmNeeds_IsRefusedThereAndServesInMemory(string lacking)
    {
        var lacks = lacking.Split(' ').Select(Enum.Parse<Function>).ToHashSet();
        using var module = new InterceptedModule();
        module.FailEvery(called => lacks.Contains(called) ? new ModuleFault(0x70) : null);

        var refused = await Assert.ThrowsAsync<HsmException>(token.CreateKeysAsync);
        var made = await token.CreateKeysAsync(EvaluationMode.Memory);
        await using var hsm = await OpenAsync(EvaluationMode.Memory);
        var record = await KnownRecord.MakeAsync(hsm);
        await record.EvaluateAsync(hsm);
        await hsm.ProbeAsync(CancellationToken.None);

        Assert.True(refused is { Class: HsmErrorClass.Fatal, IsOfHsmEvaluation: true }, refused.Message);
        Assert.Equal(["custodian/seal/1", "custodian/audit/1"], made.Select(key => key.Label));
        Assert.Equal(64, (await hsm.SignAsync(Aad)).Value.Length);
    }

    [Fact]
    public async Task Module_WithoutWhatBothNeed_IsRefusedInBothAndNotAsOneForTheOther()
    {
        using var module = new InterceptedModule();
        module.FailEvery(called => called == Function.EncryptInit ? new ModuleFault(0x70) : null);

        foreach (var mode in EvaluationModes.All)
        {
            var refused = await Assert.ThrowsAsync<HsmException>(() => token.CreateKeysAsync(mode));
            Assert.Contains("does not seal and open with AES-GCM", refused.Message, StringComparison.Ordinal);
            Assert.False(refused.IsOfHsmEvaluation);
        }
    }

    [Fact]
    public async Task Keys_OfANodeThatEvaluatesInMemory_AreTooFewForTheOther()
    {
        await token.CreateKeysAsync(EvaluationMode.Memory);
        var present = await TokenKeys.FindAsync(token.Options(), CancellationToken.None);

        var refused = await Assert.ThrowsAsync<HsmException>(() => OpenAsync(EvaluationMode.Hsm));

        Assert.Equal(["custodian/wrap/1"], TokenKeys.Lacking(present, EvaluationMode.Hsm));
        Assert.Empty(TokenKeys.Lacking(present, EvaluationMode.Memory));
        Assert.Contains("custodian/wrap/1", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<TokenKeysExistException>(() => token.CreateKeysAsync(EvaluationMode.Hsm));
    }

    /// <summary>On one token with all keys, so that nothing but the mode is another.</summary>
    [Theory]
    [InlineData(EvaluationMode.Hsm, EvaluationMode.Memory, "of a node that evaluates in the HSM; this one evaluates in memory")]
    [InlineData(EvaluationMode.Memory, EvaluationMode.Hsm, "of a node that evaluates in memory; this one evaluates in the HSM")]
    public async Task Blobs_OfOneMode_AreRefusedInTheOtherByName(EvaluationMode made, EvaluationMode opened, string expected)
    {
        await token.CreateKeysAsync();
        byte[] record, prepared, secret;
        await using (var hsm = await OpenAsync(made))
        {
            secret = await hsm.SealAsync(Aad, Aad);
            prepared = (await PrepareAsync(hsm)).SealedKey;
            record = (await AdoptAsync(hsm, prepared)).SealedRecord!;
        }
        await using var other = await OpenAsync(opened);

        var evaluated = await Assert.ThrowsAsync<HsmException>(async () => await EvaluateAsync(other, record));
        var unsealed = await Assert.ThrowsAsync<HsmException>(async () => await other.OpenAsync(secret, Aad));

        Assert.All([evaluated, unsealed], refused =>
        {
            Assert.Equal((HsmErrorClass.Data, true), (refused.Class, refused.IsOfOtherMode));
            Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        });
        Assert.Equal(new AdoptedKey(AdoptOutcome.Rejected, null), await AdoptAsync(other, prepared));
    }

    /// <summary>Whoever edits the mode in a blob, and the database's word with it, gets nothing opened by that.</summary>
    [Theory]
    [InlineData(EvaluationMode.Hsm, EvaluationMode.Memory)]
    [InlineData(EvaluationMode.Memory, EvaluationMode.Hsm)]
    public async Task Blobs_WhoseModeWasEdited_DoNotOpenInEither(EvaluationMode made, EvaluationMode edited)
    {
        await token.CreateKeysAsync();
        byte[] secret;
        await using (var hsm = await OpenAsync(made))
        {
            secret = await hsm.SealAsync(new byte[96], Aad);
        }
        secret[3] = edited == EvaluationMode.Memory ? (byte)2 : (byte)0;
        Assert.True(EvaluationModes.TryRead(secret, out var said));
        Assert.Equal(edited, said);

        foreach (var mode in EvaluationModes.All)
        {
            await using var hsm = await OpenAsync(mode);
            var refused = await Assert.ThrowsAsync<HsmException>(async () => await hsm.OpenAsync(secret, Aad));
            Assert.Equal(HsmErrorClass.Data, refused.Class);
        }
    }

    [Fact]
    public async Task Examine_ModuleWithoutRawEcdh_IsUnfitInTheHsmNamesTheOptionAndServesInMemory()
    {
        using var module = new InterceptedModule();
        module.FailEvery(called => called == Function.DeriveKey ? new ModuleFault(0x70) : null);

        var inHsm = await ExamineAsync(EvaluationMode.Hsm);
        var inMemory = await ExamineAsync(EvaluationMode.Memory);

        Assert.False(inHsm.CanServe);
        Assert.All(inHsm.Parts.Where(part => part.Fitness == Fitness.Unfit), part => Assert.Contains("--evaluate-in-memory", part.Meaning, StringComparison.Ordinal));
        Assert.Contains("could serve in memory", Place(inHsm).Found, StringComparison.Ordinal);
        Assert.True(inMemory.CanServe, string.Join('\n', inMemory.Parts));
        Assert.All([inHsm, inMemory], found => Assert.Equal([EvaluationMode.Memory], found.Modes));
        Assert.Equal(Fitness.Weaker, Place(inMemory).Fitness);
        Assert.StartsWith("whoever reads the memory", Place(inMemory).Meaning, StringComparison.Ordinal);
        Assert.Contains(inMemory.Parts, part => part.Needed.StartsWith("derive a raw", StringComparison.Ordinal) && part.Meaning.StartsWith("not needed", StringComparison.Ordinal));
        Assert.DoesNotContain(inMemory.Parts, part => part.Needed.Contains("UNWRAP_TEMPLATE", StringComparison.Ordinal));
        Assert.True(inMemory.Speed is { OnePerSecond: > 0, AllPerSecond: > 0 });
        Assert.Equal(0, module.OpenSessions);
    }

    [Fact]
    public async Task Examine_ModuleThatServesBoth_SaysSoInEither()
    {
        await token.CreateKeysAsync(EvaluationMode.Memory);

        var inMemory = await ExamineAsync(EvaluationMode.Memory);
        var inHsm = await ExamineAsync(EvaluationMode.Hsm);

        Assert.True(inMemory.CanServe);
        Assert.Equal("they pass their canary", inMemory.Parts[^1].Found);
        Assert.Contains("could serve in the HSM or in memory", Place(inMemory).Found, StringComparison.Ordinal);
        Assert.Contains("could serve in the HSM or in memory", Place(inHsm).Found, StringComparison.Ordinal);
        Assert.EndsWith("without custodian/wrap/1", inHsm.Parts[^1].Found, StringComparison.Ordinal);
    }

    /// <summary>As AWS CloudHSM does by its documentation: what stands in the IV after sealing is what counts.</summary>
    [Fact]
    public async Task Seal_ModuleThatDrawsItsOwnIv_KeepsThatOneAndOpens()
    {
        await token.CreateKeysAsync(EvaluationMode.Memory);
        var drawn = new List<string>();
        using var module = new InterceptedModule { Rewrite = (called, mechanism) => DrawIv(called, mechanism, drawn) };
        await using var hsm = await OpenAsync(EvaluationMode.Memory);

        var record = await KnownRecord.MakeAsync(hsm);
        await record.EvaluateAsync(hsm);
        var secret = await hsm.SealAsync(Aad, Aad);

        Assert.Equal(drawn[^1], Convert.ToHexString(secret.AsSpan(8, 12)));
        Assert.Equal(Aad, await hsm.OpenAsync(secret, Aad));
    }

    private static unsafe void DrawIv(Function called, nuint mechanism, List<string> drawn)
    {
        if (called == Function.EncryptInit && ((CkMechanism*)mechanism)->Mechanism == Ckm.AesGcm)
        {
            var iv = new Span<byte>(((CkGcmParams*)((CkMechanism*)mechanism)->Parameter)->Iv, 12);
            RandomNumberGenerator.Fill(iv);
            drawn.Add(Convert.ToHexString(iv));
        }
    }

    private static ExaminedPart Place(ModuleExamination found) => Assert.Single(found.Parts, part => part.Needed.StartsWith("a place where", StringComparison.Ordinal));

    private static async Task<PreparedKey> PrepareAsync(Pkcs11Hsm hsm)
    {
        using var admission = await hsm.AdmitAsync(CancellationToken.None);
        return await hsm.PrepareAsync(admission!, P256.Generator, long.MaxValue, Aad);
    }

    private static async Task<AdoptedKey> AdoptAsync(Pkcs11Hsm hsm, byte[] prepared)
    {
        using var admission = await hsm.AdmitAsync(CancellationToken.None);
        return await hsm.AdoptAsync(admission!, prepared, 0, Aad, new byte[32], Aad);
    }

    private static async Task EvaluateAsync(Pkcs11Hsm hsm, byte[] record)
    {
        using var admission = await hsm.AdmitAsync(CancellationToken.None);
        await hsm.EvaluateAsync(admission!, record, Aad, P256.Generator);
    }

    private Task<Pkcs11Hsm> OpenAsync(EvaluationMode mode) => Pkcs11Hsm.OpenAsync(token.Options(evaluation: mode), CancellationToken.None);

    private Task<ModuleExamination> ExamineAsync(EvaluationMode mode) =>
        ModuleExaminer.ExamineAsync(token.Options(evaluation: mode), CancellationToken.None);
}
