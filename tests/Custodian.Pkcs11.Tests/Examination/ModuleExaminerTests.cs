using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Examination;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Examination;

/// <summary>What an operator is told of a module and token, and that a node refuses what is called unfit.</summary>
public sealed class ModuleExaminerTests : IDisposable
{
    private readonly SoftHsmToken token = new();

    public void Dispose() => token.Dispose();

    [Fact]
    public async Task Examine_FreshToken_IsGoodThroughoutAndLeavesNothing()
    {
        using var module = new InterceptedModule();

        var found = await ExamineAsync();

        Assert.All(found.Parts, part => Assert.True(part is { Fitness: Fitness.Good, Meaning: "" } || part.Needed == "the node's keys", part.ToString()));
        Assert.Equal(("none", "'custodian init' makes them"), (found.Parts[^1].Found, found.Parts[^1].Meaning));
        Assert.True(found.Speed is { OnePerSecond: > 0, Sessions: 2, AllPerSecond: > 0 });
        Assert.Equal(0, module.OpenSessions);
        using var connection = TokenConnection.Open(token.Options());
        Assert.Empty(connection.Anchor.Find(new AttributeTemplate()));
    }

    [Fact]
    public async Task Examine_TokenOfANode_SaysThatItsKeysPassTheirCanary()
    {
        await token.CreateKeysAsync();

        var found = await ExamineAsync();

        Assert.All(found.Parts, part => Assert.Equal(Fitness.Good, part.Fitness));
        Assert.Contains(found.Parts, part => part.Found == "custodian/seal/1, custodian/wrap/1, custodian/audit/1");
        Assert.Equal("they pass their canary", found.Parts[^1].Found);
    }

    [Theory]
    [MemberData(nameof(Lacks.All), MemberType = typeof(Lacks))]
    public async Task Module_LacksAnAbility_IsRefusedByNameByDoctorInitAndServe(string at, uint code, string ability)
    {
        using var module = new InterceptedModule();
        void Lack() => module.FailEvery(called => called == Enum.Parse<Function>(at) ? new ModuleFault(code) : null);
        Lack();
        var found = await ExamineAsync();
        var init = await Assert.ThrowsAsync<HsmException>(token.CreateKeysAsync);
        module.Heal();
        Assert.Empty(await TokenKeys.FindAsync(token.Options(), CancellationToken.None));
        await token.CreateKeysAsync();
        Lack();
        var serve = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None));

        Lacks.AssertNamed(ability, code, found);
        Assert.All([init, serve], refused => Assert.Equal(HsmErrorClass.Fatal, refused.Class));
        Assert.All([init, serve], refused => Assert.Contains($"The module does not {ability}", refused.Message, StringComparison.Ordinal));
        Assert.Equal(0, module.OpenSessions);
    }

    [Fact]
    public async Task Examine_MechanismDoneButNotListed_IsGoodAndSaysSo()
    {
        using var module = new InterceptedModule { Amend = Unlist };

        var found = await ExamineAsync();

        Assert.True(found.CanServe);
        Assert.Contains("not in its list", Part(found, "seal and open with AES-GCM").Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x10000, Fitness.Weaker, "a wrong PIN was tried")]
    [InlineData(0x20000, Fitness.Unfit, "one try is left")]
    [InlineData(0x40000, Fitness.Unfit, "locked")]
    [InlineData(0x80000, Fitness.Weaker, "must be changed")]
    public async Task Examine_PinFlag_IsReadBeforeAnyPinIsTried(uint flag, Fitness fitness, string expected)
    {
        using var module = new InterceptedModule { Amend = (function, info, _) => InterceptedModule.AddFlag(function, info, flag) };

        var found = await ExamineAsync();

        var part = Part(found, "a user PIN with tries left");
        Assert.Equal(fitness, part.Fitness);
        Assert.Contains(expected, part.Found, StringComparison.Ordinal);
        Assert.Equal(fitness == Fitness.Unfit ? 0 : 1, module.Calls(Function.Login));
    }

    [Theory]
    [InlineData(0x20000, "one try of its PIN left")]
    [InlineData(0x40000, "locked")]
    public async Task Open_LastTryOfThePinOrLocked_IsRefusedAndNoPinIsTried(uint flag, string expected)
    {
        await token.CreateKeysAsync();
        using var module = new InterceptedModule { Amend = (function, info, _) => InterceptedModule.AddFlag(function, info, flag) };

        var refused = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None));

        // Not of class Pin: that one is final, and this passes once somebody has logged in.
        Assert.Equal(HsmErrorClass.Fatal, refused.Class);
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, module.Calls(Function.Login));
    }

    [Fact]
    public async Task Examine_WrongPin_IsTriedOnceAndTheNextExaminationSeesThatItWas()
    {
        using var module = new InterceptedModule();
        using var wrong = new HsmPin("wrong-pin-9876"u8);

        var found = await ModuleExaminer.ExamineAsync(token.Options(pin: wrong), CancellationToken.None);

        Assert.Equal(1, module.Calls(Function.Login));
        Assert.Equal(("a PIN that the token takes", Fitness.Unfit), (found.Parts[^1].Needed, found.Parts[^1].Fitness));
        Assert.DoesNotContain("9876", string.Join(' ', found.Parts), StringComparison.Ordinal);
        Assert.Contains("a wrong PIN was tried", Part(await ExamineAsync(), "a user PIN with tries left").Found, StringComparison.Ordinal);
        Assert.Equal("no wrong PIN since the last login", Part(await ExamineAsync(), "a user PIN with tries left").Found);
    }

    [Fact]
    public async Task Sessions_FewerThanTheNodeWants_AreRefusedWithHowManyToSet()
    {
        await token.CreateKeysAsync();
        using var module = new InterceptedModule { Amend = (function, info, _) => LimitSessions(function, info, 4) };

        var found = await ModuleExaminer.ExamineAsync(token.Options(sessions: 4), CancellationToken.None);
        var refused = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(token.Options(sessions: 4), CancellationToken.None));
        await using var fits = await Pkcs11Hsm.OpenAsync(token.Options(sessions: 3), CancellationToken.None);

        Assert.Equal(
            ("at most 4", Fitness.Unfit, "set hsm:sessions to at most 3, or raise the token's limit"),
            Part(found, "5 sessions at once") is var part ? (part.Found, part.Fitness, part.Meaning) : default);
        Assert.Contains("set hsm:sessions to at most 3", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Examine_TokenRunsOutOfSessions_SaysHowManyThereWere()
    {
        using var module = new InterceptedModule();
        module.FailEvery(called => called == Function.OpenSession && module.OpenSessions >= 4 ? new ModuleFault(0xB1) : null);

        var part = Part(await ModuleExaminer.ExamineAsync(token.Options(sessions: 6), CancellationToken.None), "7 sessions at once");

        Assert.Equal(Fitness.Unfit, part.Fitness);
        Assert.StartsWith("4, and then C_OpenSession failed: CKR_SESSION_COUNT (0xB1)", part.Found, StringComparison.Ordinal);
        Assert.Equal(0, module.OpenSessions);
    }

    [Theory]
    [InlineData(nameof(Function.SetAttributeValue), "keys whose uses stay (CKA_MODIFIABLE off)")]
    public async Task Examine_ModuleThatIgnoresARestraint_IsWeakerAndSaysWhatFollows(string at, string needed)
    {
        using var module = new InterceptedModule();
        module.FailEvery(called => called == Enum.Parse<Function>(at) ? new ModuleFault(ReturnValue.Ok) : null);

        var found = await ExamineAsync();

        Assert.True(found.CanServe);
        Assert.Equal((Fitness.Weaker, "is taken and does not hold"), (Part(found, needed).Fitness, Part(found, needed).Found));
        Assert.StartsWith("whoever holds the PIN", Part(found, needed).Meaning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Examine_ModuleWithoutCopies_IsWeaker()
    {
        using var module = new InterceptedModule();
        module.FailEvery(called => called == Function.CopyObject ? new ModuleFault(0x54) : null);

        Assert.Equal(Fitness.Weaker, Part(await ExamineAsync(), "session copies of the seal key").Fitness);
    }

    [Fact]
    public async Task Examine_KeyIsMissing_IsUnfitAndNamesIt()
    {
        await token.CreateKeysAsync();
        using (var connection = TokenConnection.Open(token.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            session.Destroy(Assert.Single(session.Find(TokenKeyTemplates.Search("custodian/wrap/1", Cko.SecretKey))));
        }

        var part = Part(await ExamineAsync(), "the node's keys");

        Assert.Equal(Fitness.Unfit, part.Fitness);
        Assert.EndsWith("without custodian/wrap/1", part.Found, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Examine_KeyWithAnotherUse_IsUnfitAndNamesTheUse()
    {
        using (var connection = TokenConnection.Open(token.Options()))
        using (var session = connection.OpenSession(readWrite: true))
        {
            session.GenerateAesKey(TokenKeyTemplates.Seal(OptionalProtections.None));
            Assert.Equal(
                ReturnValue.Ok, PinHolder.Set(session, session.GenerateAesKey(TokenKeyTemplates.Wrap(OptionalProtections.None)), Cka.Decrypt, true));
            session.GenerateKeyPair(
                TokenKeyTemplates.AuditPublic(OptionalProtections.None), TokenKeyTemplates.AuditPrivate(OptionalProtections.None));
        }

        var found = await ExamineAsync();

        Assert.False(found.CanServe);
        Assert.Contains("custodian/wrap/1 has CKA_DECRYPT on", found.Parts[^1].Found, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Examine_NoSuchTokenOrModule_IsUnfitAndNothingElseIsSaid()
    {
        var noToken = await ModuleExaminer.ExamineAsync(
            new() { ModulePath = SoftHsmDirectory.ModulePath, TokenLabel = "nobody", Pin = token.Pin }, CancellationToken.None);
        var noModule = await ModuleExaminer.ExamineAsync(
            new() { ModulePath = "/nonexistent/module.so", TokenLabel = "nobody", Pin = token.Pin }, CancellationToken.None);

        Assert.All([noToken, noModule], found => Assert.Equal(Fitness.Unfit, Assert.Single(found.Parts).Fitness));
        Assert.Contains("/nonexistent/module.so", noModule.Parts[0].Found, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Examine_TokenInUseInThisProcess_Throws()
    {
        await token.CreateKeysAsync();
        await using var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None);

        await Assert.ThrowsAsync<InvalidOperationException>(ExamineAsync);
    }

    private static ExaminedPart Part(ModuleExamination found, string needed) => Assert.Single(found.Parts, part => part.Needed == needed);

    private static unsafe void LimitSessions(Function function, nuint info, nuint most)
    {
        if (function == Function.GetTokenInfo)
        {
            ((CkTokenInfo*)info)->MaxSessionCount = most;
        }
    }

    private static unsafe void Unlist(Function function, nuint list, nuint count)
    {
        if (function == Function.GetMechanismList && list != 0)
        {
            new Span<nuint>((void*)list, (int)*(nuint*)count).Replace(Ckm.AesGcm, (nuint)0x1082);
        }
    }

    private Task<ModuleExamination> ExamineAsync() => ModuleExaminer.ExamineAsync(token.Options(), CancellationToken.None);
}
