using System.Diagnostics;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Faults;

/// <summary>The classes through the process that holds the module: which of them cost it its life, and what a caller sees of that.</summary>
public sealed class IsolatedErrorClassTests : IAsyncLifetime, IDisposable
{
    /// <summary>Where a call hangs; elsewhere a slow machine has time.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    private static readonly (Function At, string Name)[] EveryCall =
    [
        (Function.GenerateKeyPair, "Prepare"), (Function.WrapKey, "Prepare"), (Function.GenerateRandom, "Seal"), (Function.Encrypt, "Seal"),
        (Function.Decrypt, "Adopt"), (Function.Decrypt, "Open"), (Function.UnwrapKey, "Evaluate"), (Function.DeriveKey, "Evaluate"),
        (Function.GetAttributeValue, "Evaluate"), (Function.DestroyObject, "Evaluate"), (Function.Sign, "Sign"),
    ];

    private readonly SoftHsmToken token = new();
    private readonly SeenEvents events = new();

    /// <summary>Calls that hang; each takes a deadline, so that only the whole has all of them.</summary>
    public static TheoryData<string, string> Calls
    {
        get
        {
            var draws = new Draws("calls that never return");
            var calls = Effort.IsWhole ? EveryCall : [draws.Pick(EveryCall[..6]), draws.Pick(EveryCall[6..])];
            var data = new TheoryData<string, string>();
            Array.ForEach(calls, call => data.Add(call.At.ToString(), call.Name));
            return data;
        }
    }

    public Task InitializeAsync() => token.CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => token.Dispose();

    [Theory]
    [InlineData(0x2)]
    [InlineData(0x30)]
    [InlineData(0x31)]
    [InlineData(0x32)]
    [InlineData(0xE0)]
    [InlineData(0xE1)]
    [InlineData(0x190)]
    [InlineData(0x80000001)]
    public async Task Operation_DeviceIsGone_IsFatalAndTheProcessReplaced(uint code)
    {
        await using var hsm = await OpenAsync();
        var record = await KnownRecord.MakeAsync(hsm);
        var broken = await events.NextAsync<HostStarted>();

        Order(new ModuleOrder(null, code));
        var failure = await record.TryEvaluateAsync(hsm);

        Assert.Equal((HsmErrorClass.Fatal, (ulong)code), (failure!.Class, failure.ReturnValue));
        await ReplacedAsync(hsm, record, broken, HostEndCause.CanaryFailed);
    }

    /// <summary>The seal key is well all the while: a canary of it alone would keep a process that evaluates nothing.</summary>
    [Theory]
    [InlineData(nameof(Function.UnwrapKey), 0x30)]
    [InlineData(nameof(Function.UnwrapKey), 0x5)]
    [InlineData(nameof(Function.DeriveKey), 0x30)]
    [InlineData(nameof(Function.DeriveKey), 0x82)]
    [InlineData(nameof(Function.DeriveKey), 0xB3)]
    [InlineData(nameof(Function.DeriveKey), 0x101)]
    public async Task Evaluate_OneFunctionFailsForGood_FailsAndTheProcessIsReplaced(string at, uint code)
    {
        await using var hsm = await OpenAsync();
        var record = await KnownRecord.MakeAsync(hsm);
        var broken = await events.NextAsync<HostStarted>();

        Order(new ModuleOrder(Enum.Parse<Function>(at), code));
        Assert.NotNull(await record.TryEvaluateAsync(hsm));

        await ReplacedAsync(hsm, record, broken, HostEndCause.CanaryFailed);
    }

    [Fact]
    public async Task Evaluate_EveryCodeOnce_IsCuredOrFailsAsItsClassSaysAndTheProcessStays()
    {
        await using var hsm = await OpenAsync();
        var record = await KnownRecord.MakeAsync(hsm);
        foreach (var code in ErrorCodes.All)
        {
            Order(new ModuleOrder(Function.UnwrapKey, code, Times: 1));
            var failure = await record.TryEvaluateAsync(hsm);

            Assert.True(failure?.Class == Expected(code), $"{ErrorCodes.Say(code)}: {failure?.ToString() ?? "done"}");
            if (failure is not null && failure.Class is not (HsmErrorClass.Data or HsmErrorClass.Pin))
            {
                // The canary is on its way by then, and would take the next order for itself.
                Assert.Equal(failure.Class, (await events.NextAsync<HostCleared>()).Suspicion.Class);
            }
            await record.EvaluateAsync(hsm);
            await hsm.ProbeAsync(CancellationToken.None);
        }
        Assert.Empty(events.Of<HostFailed>());
        Assert.Single(events.Of<HostStarted>());
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Operation_CallNeverReturns_FailsAtTheDeadlineAndTheNextProcessServes(string at, string name)
    {
        await using var hsm = await OpenAsync(Soon);
        var record = await KnownRecord.MakeAsync(hsm);
        var operation = (await KnownOperation.AllAsync(hsm))[name];
        var broken = await events.NextAsync<HostStarted>();

        Order(new ModuleOrder(Enum.Parse<Function>(at), null, Times: 1));
        var began = Stopwatch.GetTimestamp();
        var failure = await Assert.ThrowsAsync<HsmException>(() => operation.Run(hsm));

        Assert.Equal((HsmErrorClass.Fatal, "hsm-host"), (failure.Class, failure.Function));
        Assert.True(Stopwatch.GetElapsedTime(began) >= Soon);
        await ReplacedAsync(hsm, record, broken, HostEndCause.Hung);
        await operation.Run(hsm);
    }

    /// <summary>One session hangs, and its neighbour serves until the process is killed.</summary>
    [Fact]
    public async Task Evaluate_NeighboursCallNeverReturns_IsRightUntilTheDeadline()
    {
        await using var hsm = await OpenAsync(Soon);
        var record = await KnownRecord.MakeAsync(hsm);
        var broken = await events.NextAsync<HostStarted>();

        Order(new ModuleOrder(Function.UnwrapKey, null, Times: 1));
        Task<HsmException?>[] two = [record.TryEvaluateAsync(hsm), record.TryEvaluateAsync(hsm)];

        // Which of them comes to its C_UnwrapKey first, and hangs there, is the sessions' business.
        var done = await Task.WhenAny(two);
        var hung = two.Single(call => call != done);
        Assert.Null(await done);
        var right = 0;
        while (!hung.IsCompleted && await record.TryEvaluateAsync(hsm) is null)
        {
            right++;
        }

        Assert.NotEqual(0, right);
        Assert.Equal(HsmErrorClass.Fatal, (await hung)!.Class);
        await ReplacedAsync(hsm, record, broken, HostEndCause.Hung);
    }

    [Fact]
    public async Task Start_LoginNeverReturns_IsGivenUpAtTheDeadlineAndThePinTriedByTheNextAlone()
    {
        Order(new ModuleOrder(Function.Login, null));

        var failure = await Assert.ThrowsAsync<HsmException>(() => OpenAsync(startDeadline: TimeSpan.FromSeconds(10)));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
        Assert.Contains("not ready within", failure.Message, StringComparison.Ordinal);
        await using var hsm = await OpenAsync();
        await (await KnownRecord.MakeAsync(hsm)).EvaluateAsync(hsm);
    }

    /// <summary>A process that would be started instead would send the same PIN again, and so take the token one try after the other.</summary>
    [Fact]
    public async Task Evaluate_PinRefusedWhenTheLoginWasLost_NoProcessIsStartedAgain()
    {
        await using var hsm = await OpenAsync(recycleAfter: 3);
        var record = await KnownRecord.MakeAsync(hsm);
        var host = await events.NextAsync<HostStarted>();

        Order(new ModuleOrder(Function.Login, 0xA0, Times: 1, LosesLogin: true));
        HsmException?[] failures = [await record.TryEvaluateAsync(hsm), await record.TryEvaluateAsync(hsm)];

        // Its time has come with the third key used; it goes on all the same, and nothing takes its place when it ends.
        var refused = await events.NextAsync<HostNotStarted>();
        await Assert.ThrowsAsync<HsmException>(async () => await hsm.ProbeAsync(CancellationToken.None));
        Assert.True(HostSignals.Exists(host.ProcessId));
        HostSignals.Send(host.ProcessId, HostSignals.Kill);
        await events.NextAsync<HostFailed>();
        var after = await Assert.ThrowsAsync<HsmException>(async () => await hsm.AdmitAsync(CancellationToken.None));

        Assert.All([.. failures, refused.Failure, after], failure => Assert.Equal((HsmErrorClass.Pin, "C_Login"), (failure!.Class, failure.Function)));
        Assert.Equal((0xA0UL, null), (refused.Failure.ReturnValue, refused.NextTry));
        Assert.Single(events.Of<HostStarted>());
        Assert.Single(events.Of<HostNotStarted>());
    }

    private static HsmErrorClass? Expected(nuint code) => ErrorCodes.ClassOf(code) switch
    {
        HsmErrorClass.Session or HsmErrorClass.Login or HsmErrorClass.Handle => null,
        HsmErrorClass.Ambiguous => HsmErrorClass.Data,
        var itself => itself,
    };

    private async Task ReplacedAsync(IsolatedHsm hsm, KnownRecord record, HostStarted broken, HostEndCause cause)
    {
        var failed = await events.NextAsync<HostFailed>();
        await events.NextAsync<HostStarted>();
        await record.EvaluateAsync(hsm);
        await hsm.ProbeAsync(CancellationToken.None);
        Assert.Equal((broken.ProcessId, cause), (failed.ProcessId, failed.Cause));
        Assert.Single(events.Of<HostFailed>());
        Assert.False(HostSignals.Exists(broken.ProcessId));
    }

    private void Order(ModuleOrder order) => order.Give(TestHosts.OrdersOf(token));

    private Task<IsolatedHsm> OpenAsync(TimeSpan? deadline = null, TimeSpan? startDeadline = null, long recycleAfter = 0) => IsolatedHsm.OpenAsync(
        token.Options(sessions: 2),
        new IsolationOptions
        {
            Program = TestHosts.Ordered(token),
            Deadline = deadline ?? TimeSpan.FromSeconds(20),
            StartDeadline = startDeadline ?? TimeSpan.FromSeconds(60),
            RecycleAfter = recycleAfter,
            Observer = events.See,
        },
        CancellationToken.None);
}
