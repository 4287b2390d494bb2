using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Faults;

/// <summary>
/// Every return value of every class, at every call that an operation makes: what has a cure is cured and the operation done, what has
/// none is said as what it is, no session stays behind, and the next operation is right.
/// </summary>
public sealed class ErrorClassTests : IClassFixture<SoftHsmWithKeys>, IAsyncLifetime, IDisposable
{
    private const nuint DeviceError = 0x30;

    // What ends an operation rather than doing it: whatever these answer, the operation is what it was.
    private static readonly Function[] Endings = [Function.DestroyObject, Function.CloseSession];

    private readonly SoftHsmWithKeys token;
    private readonly InterceptedModule module = new();
    private Pkcs11Hsm? opened;
    private IReadOnlyDictionary<string, KnownOperation> operations = new Dictionary<string, KnownOperation>();

    public ErrorClassTests(SoftHsmWithKeys token) => this.token = token;

    public static TheoryData<string> Names => [.. KnownOperation.Names];

    private Pkcs11Hsm Hsm => opened!;

    public async Task InitializeAsync()
    {
        opened = await Pkcs11Hsm.OpenAsync(token.Options(sessions: 1), CancellationToken.None);
        operations = await KnownOperation.AllAsync(Hsm, token.Rotated);
    }

    public async Task DisposeAsync()
    {
        module.Heal();
        await Hsm.DisposeAsync();
        Assert.Equal(0, module.OpenSessions);
    }

    public void Dispose() => module.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Operation_AnyCallFailsInAnyWay_IsCuredOrFailsAsItsClassSays(string name)
    {
        var operation = operations[name];
        var calls = await CallsFromACoolSessionAsync(operation);
        Assert.Contains(Function.OpenSession, calls);
        var draws = new Draws($"return values at the calls of {name}");

        // A session that the module does not close is open, whoever asked for its end.
        foreach (var call in Enumerable.Range(0, calls.Count).Where(call => calls[call] != Function.CloseSession))
        {
            foreach (var fault in FaultsAt(calls[call], draws))
            {
                await FailsAsItsClassSaysAsync(operation, calls, call, fault);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Operation_DeviceRemovedOrTokenNotPresent_IsFatalAtOnceAndAgainUntilItIsBack(string name)
    {
        foreach (var code in new[] { ErrorCodes.DeviceRemoved, ErrorCodes.TokenNotPresent })
        {
            module.FailEvery(function => function == Function.CloseSession ? null : new ModuleFault(code));
            for (var time = 0; time < 2; time++)
            {
                module.TakeTrace();
                var failure = await FailureAsync(operations[name]);
                Assert.Equal((HsmErrorClass.Fatal, (ulong)code), (failure!.Class, failure.ReturnValue));
                Assert.Single(module.TakeTrace(), function => !Endings.Contains(function));
            }
            module.Heal();
            await operations[name].Run(Hsm);
        }
    }

    [Fact]
    public async Task Operation_NoFurtherSession_IsTriedOnceMoreAndThenTransientWhileTheOneThereIsServes()
    {
        foreach (var operation in operations.Values)
        {
            await CoolAsync(operation);
            module.FailEvery(function => function == Function.OpenSession ? new ModuleFault(ErrorCodes.SessionCount) : null);
            var tries = module.Calls(Function.OpenSession);

            var failure = await FailureAsync(operation);

            Assert.Equal((HsmErrorClass.Session, true), (failure!.Class, failure.IsTransient));
            Assert.Equal(tries + 2, module.Calls(Function.OpenSession));
            module.Heal();
            await operation.Run(Hsm);
        }
    }

    /// <summary>A canary that needed a session beside the pool's would take every bad blob for the end of the HSM.</summary>
    [Fact]
    public async Task Open_BadBlobWhileTheTokenHasNoSessionToSpare_IsBadData()
    {
        await operations["Open"].Run(Hsm);
        module.FailEvery(function => function == Function.OpenSession && module.OpenSessions > 1 ? new ModuleFault(ErrorCodes.SessionCount) : null);
        module.Fail(Function.Decrypt, ReturnValue.GeneralError);

        Assert.Equal(HsmErrorClass.Data, (await FailureAsync(operations["Open"]))!.Class);
        await operations["Open"].Run(Hsm);
    }

    [Theory]
    [InlineData("Evaluate", nameof(Function.Decrypt))]
    [InlineData("Evaluate", nameof(Function.UnwrapKey))]
    [InlineData("Adopt", nameof(Function.Decrypt))]
    [InlineData("Adopt", nameof(Function.UnwrapKey))]
    [InlineData("Open", nameof(Function.Decrypt))]
    public async Task Operation_UnexplainedFailureThatTheCanaryHasToo_IsFatalAndNoRefusal(string name, string at)
    {
        var function = Enum.Parse<Function>(at);
        foreach (var code in ErrorCodes.ByClass[HsmErrorClass.Ambiguous])
        {
            module.FailEvery(called => called == function ? new ModuleFault(code) : null);
            Assert.Equal(HsmErrorClass.Fatal, (await FailureAsync(operations[name]))!.Class);
            module.Heal();
            await operations[name].Run(Hsm);
        }
    }

    /// <summary>Else a session that was lost a moment after the blob failed would be taken for a lost HSM.</summary>
    [Theory]
    [InlineData("Evaluate", nameof(Function.UnwrapKey))]
    [InlineData("Open", nameof(Function.Decrypt))]
    public async Task Operation_CanaryMeetsWhatHasACure_IsCuredAndTriedOnceMore(string name, string at)
    {
        var function = Enum.Parse<Function>(at);
        foreach (var code in ErrorCodes.ByClass.Where(c => c.Key is HsmErrorClass.Session or HsmErrorClass.Login or HsmErrorClass.Handle)
            .SelectMany(c => c.Value))
        {
            module.Fail(function, ReturnValue.GeneralError, code);
            await operations[name].Run(Hsm);
        }
    }

    [Fact]
    public async Task Operation_AnyCallOfTheCureFailsInAnyWay_SaysNoBlobIsBadAndTheNextOneIsCured()
    {
        ModuleCalls.Logout(SoftHsmToken.Label);
        var cure = await CureAsync();
        var draws = new Draws("return values at the calls of a cure");

        // The blob itself is opened and its key unwrapped once all is cured, and may be bad then.
        foreach (var call in cure.Index().Where(c => c.Item is not (Function.CloseSession or Function.Decrypt or Function.UnwrapKey)))
        {
            foreach (var code in CodesOfAPart(draws).Where(c => ErrorCodes.ClassOf(c) != HsmErrorClass.Pin))
            {
                await CureFailsAsync(call.Index + 1, call.Item, code);
            }
        }
    }

    [Fact]
    public async Task Operation_PinRefusedInTheCureInAnyWay_IsTriedOnceAndNeverAgainByAnyOperation()
    {
        foreach (var code in ErrorCodes.ByClass[HsmErrorClass.Pin])
        {
            await Hsm.DisposeAsync();
            opened = await Pkcs11Hsm.OpenAsync(token.Options(sessions: 1), CancellationToken.None);
            operations = await KnownOperation.AllAsync(Hsm, token.Rotated);
            ModuleCalls.Logout(SoftHsmToken.Label);
            var logins = module.Calls(Function.Login);
            module.Fail(Function.Login, code);

            // Drawing random bytes needs no login, and a search without one finds no key; whatever else needs one says that it is the PIN.
            foreach (var operation in operations.Values.Where(o => o.Name is not ("Random" or "Refresh")))
            {
                Assert.Equal(HsmErrorClass.Pin, (await FailureAsync(operation))!.Class);
            }
            Assert.Equal(logins + 1, module.Calls(Function.Login));
        }
    }

    /// <summary>Whatever fails while a new key is tried, new things are made under what the inventory says, and the next try takes the key up.</summary>
    [Fact]
    public async Task Refresh_AnyCallFailsBesideANewKey_MakesNothingUnderAKeyThatWasNotTried()
    {
        IReadOnlyList<TokenKey> former = [.. token.Rotated.SkipLast(1)];
        await Hsm.RefreshKeysAsync(former);
        module.TakeTrace();
        await Hsm.RefreshKeysAsync(token.Rotated);
        var calls = module.TakeTrace();
        Assert.Contains(Function.Decrypt, calls);
        var draws = new Draws("return values beside a new key");
        nuint[] codes = [.. ErrorCodes.All];
        var taken = 0;

        foreach (var (call, function) in calls.Index().Where(c => c.Item != Function.CloseSession))
        {
            foreach (var code in Effort.IsWhole ? codes : [draws.Pick(codes)])
            {
                var what = $"seed {Effort.Seed}: {function} (call {call + 1}), {ErrorCodes.Say(code)}";
                await Hsm.RefreshKeysAsync(former);
                module.FailCall(call + 1, new ModuleFault(code));
                var failure = await FailureAsync(async () => await Hsm.RefreshKeysAsync(token.Rotated));
                module.Heal();

                Assert.True(failure?.Class is not (HsmErrorClass.Ambiguous or HsmErrorClass.Data), $"{what}: {failure}");
                var used = Hsm.Keys.Newest(KeyPurpose.Seal);
                Assert.True(used == 2 || failure is not null || Hsm.Keys.Unused.Count > 0, $"{what}: not taken up, and not told why");
                Assert.True(used == 1 || failure is null, $"{what}: taken up though {failure}");
                Assert.True(BlobVersions.TryRead(await Hsm.SealAsync(new byte[1], new byte[1]), out var versions));
                Assert.Equal(used, versions.Seal);
                taken += used == 2 ? 1 : 0;
                Assert.Equal(2U, (await Hsm.RefreshKeysAsync(token.Rotated)).Newest(KeyPurpose.Seal));
                Assert.True(module.OpenSessions <= 2, $"{what}: {module.OpenSessions} sessions are open");
            }
        }
        Assert.NotEqual(0, taken);
    }

    /// <summary>One of each class; all in the whole.</summary>
    private static IEnumerable<nuint> CodesOfAPart(Draws draws) =>
        Effort.IsWhole ? ErrorCodes.All : ErrorCodes.ByClass.Values.Select(codes => draws.Pick(codes));

    private static IEnumerable<ModuleFault> FaultsAt(Function function, Draws draws)
    {
        foreach (var code in CodesOfAPart(draws))
        {
            yield return new ModuleFault(code);
            if (function is not (Function.OpenSession or Function.CloseSession))
            {
                yield return new ModuleFault(code, IsAfterwards: true);
            }
        }
    }

    private static HsmErrorClass? Expected(KnownOperation operation, Function function, nuint code) => ErrorCodes.ClassOf(code) switch
    {
        _ when Endings.Contains(function) => null,
        HsmErrorClass.Session or HsmErrorClass.Login or HsmErrorClass.Handle => null,
        HsmErrorClass.Data or HsmErrorClass.Ambiguous => operation.Blobs.Contains(function) ? HsmErrorClass.Data : HsmErrorClass.Fatal,
        var itself => itself,
    };

    private async Task FailsAsItsClassSaysAsync(KnownOperation operation, IReadOnlyList<Function> calls, int call, ModuleFault fault)
    {
        var what = $"seed {Effort.Seed}: {operation.Name}, {calls[call]} (call {call + 1}), {ErrorCodes.Say(fault.ReturnValue)}, "
            + (fault.IsAfterwards ? "afterwards" : "instead");
        await CoolAsync(operation);
        module.TakeTrace();
        module.FailCall(call + 1, fault);
        var failure = await FailureAsync(operation);
        var trace = module.TakeTrace();
        module.Heal();

        var expected = Expected(operation, calls[call], fault.ReturnValue);
        Assert.True(failure?.Class == expected, $"{what}: {failure?.ToString() ?? "done"}");
        Assert.True(expected is null or HsmErrorClass.Data || failure!.ReturnValue == fault.ReturnValue, what);
        AssertCure(trace, calls, call, ErrorCodes.ClassOf(fault.ReturnValue), Endings.Contains(calls[call]), what);
        Assert.True(module.OpenSessions <= 2, $"{what}: {module.OpenSessions} sessions are open");
        await operation.Run(Hsm);
    }

    // What was called after the fault: the whole operation again where there is a cure, the canary where the class is unclear, nothing
    // but the clearing away where there is none. Keys are found again where handles may be gone, and nowhere else.
    private static void AssertCure(
        IReadOnlyList<Function> trace, IReadOnlyList<Function> calls, int call, HsmErrorClass errorClass, bool atItsEnd, string what)
    {
        var after = trace.Skip(call + 1).Where(function => !Endings.Contains(function)).ToList();
        var found = Searches(after);
        var (isCured, finds) = (atItsEnd, errorClass) switch
        {
            (true, _) => (true, Searches(calls.Skip(call + 1))),
            (_, HsmErrorClass.Session) => (true, Searches(calls)),
            (_, HsmErrorClass.Login or HsmErrorClass.Handle) => (true, 3 + Searches(calls)),
            (_, HsmErrorClass.Ambiguous) => (true, 0),
            _ => (false, 0),
        };
        Assert.True(isCured || after.Count == 0, $"{what}: {string.Join(' ', after)}");
        Assert.True(found == finds, $"{what}: keys were found {found} times");
        Assert.DoesNotContain(Function.Login, after);

        static int Searches(IEnumerable<Function> calls) => calls.Count(function => function == Function.FindObjectsInit);
    }

    private async Task CureFailsAsync(int call, Function function, nuint code)
    {
        var what = $"{function} (call {call}), {ErrorCodes.Say(code)}";
        var logins = module.Calls(Function.Login);
        ModuleCalls.Logout(SoftHsmToken.Label);
        await operations["Random"].Run(Hsm);
        module.FailCall(call, new ModuleFault(code));
        var failure = await FailureAsync(operations["Adopt"]);
        module.Heal();

        Assert.True(failure?.Class is not (HsmErrorClass.Ambiguous or HsmErrorClass.Data), $"{what}: {failure}");
        Assert.True(module.OpenSessions <= 2, $"{what}: {module.OpenSessions} sessions are open");
        await operations["Adopt"].Run(Hsm);
        Assert.True(module.Calls(Function.Login) <= logins + 2, $"{what}: {module.Calls(Function.Login) - logins} logins");
    }

    /// <summary>The calls of an adoption that finds its login lost, from its first to its last.</summary>
    private async Task<IReadOnlyList<Function>> CureAsync()
    {
        await operations["Random"].Run(Hsm);
        module.TakeTrace();
        await operations["Adopt"].Run(Hsm);
        var calls = module.TakeTrace();
        Assert.Contains(Function.Login, calls);
        Assert.Equal(3, calls.Count(function => function == Function.FindObjectsInit));
        return calls;
    }

    private async Task<IReadOnlyList<Function>> CallsFromACoolSessionAsync(KnownOperation operation)
    {
        await CoolAsync(operation);
        module.TakeTrace();
        await operation.Run(Hsm);
        return module.TakeTrace();
    }

    /// <summary>Has the session closed, so that the next operation begins with opening one.</summary>
    private async Task CoolAsync(KnownOperation operation)
    {
        module.FailCall(1, new ModuleFault(DeviceError));
        Assert.NotNull(await FailureAsync(operation));
    }

    private Task<HsmException?> FailureAsync(KnownOperation operation) => FailureAsync(() => operation.Run(Hsm));

    private static async Task<HsmException?> FailureAsync(Func<Task> operation)
    {
        try
        {
            await operation();
            return null;
        }
        catch (HsmException failure)
        {
            return failure;
        }
    }
}
