using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>What keeps a process from becoming ready, at first and later.</summary>
public sealed class HostStartTests : IAsyncLifetime, IDisposable
{
    private readonly SoftHsmToken token = new();
    private readonly SeenEvents events = new();

    public Task InitializeAsync() => token.CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => token.Dispose();

    [Fact]
    public async Task Open_WrongPin_SaysSo()
    {
        using var wrong = new HsmPin("wrong-pin-9876"u8);

        var failure = await Assert.ThrowsAsync<HsmException>(() => OpenAsync(TestHosts.Sound(token), wrong));

        Assert.Equal((HsmErrorClass.Pin, "C_Login", 0xA0UL), (failure.Class, failure.Function, failure.ReturnValue));
        Assert.Contains("CKR_PIN_INCORRECT (0xA0)", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nonexistent/program", "does not start")]
    [InlineData("/bin/true", "process is gone")]
    [InlineData("/bin/cat", "process is gone")]
    [InlineData("/bin/sleep", "not ready within")]
    public async Task Open_ProgramThatIsNoHost_IsFatal(string program, string why)
    {
        string[] arguments = program == "/bin/sleep" ? ["3600"] : [];

        var failure = await Assert.ThrowsAsync<HsmException>(() => OpenAsync(new HostProgram(program, arguments)));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
        Assert.Contains(why, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restart_PinChangedMeanwhile_IsTriedOnceAndNeverAgain()
    {
        var time = new ManualTime();
        await using var hsm = await OpenAsync(TestHosts.Sound(token), time: time);
        var host = await events.NextAsync<HostStarted>();
        ChangePin();

        HostSignals.Send(host.ProcessId, HostSignals.Kill);
        await AdvanceUntilAsync(time, events.NextAsync<HostNotStarted>());
        var refused = events.Of<HostNotStarted>().Single();
        for (var i = 0; i < 100; i++)
        {
            time.Advance(TimeSpan.FromMinutes(1));
            await Task.Yield();
        }

        Assert.Equal((HsmErrorClass.Pin, (TimeSpan?)null), (refused.Failure.Class, refused.NextTry));
        var failure = await Assert.ThrowsAsync<HsmException>(async () => await hsm.AdmitAsync(CancellationToken.None));
        Assert.Equal(HsmErrorClass.Pin, failure.Class);
        Assert.Single(events.Of<HostNotStarted>());
    }

    [Fact]
    public async Task Restart_OtherKeysUnderTheSameLabels_AreNotUsed()
    {
        await using var hsm = await OpenAsync(TestHosts.Sound(token));
        var host = await events.NextAsync<HostStarted>();
        await ReplaceKeysAsync();

        HostSignals.Send(host.ProcessId, HostSignals.Kill);
        var refused = await events.NextAsync<HostNotStarted>();

        Assert.Contains("other keys", refused.Failure.Message, StringComparison.Ordinal);
        Assert.NotNull(refused.NextTry);
        await Assert.ThrowsAsync<HsmException>(async () => await hsm.ProbeAsync(CancellationToken.None));
    }

    private static async Task AdvanceUntilAsync(ManualTime time, Task happened)
    {
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        while (!happened.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(20));
            await poll.WaitForNextTickAsync();
        }
        await happened;
    }

    private static void ChangePin()
    {
        using var module = Pkcs11Module.Acquire(SoftHsmDirectory.ModulePath);
        using var session = module.OpenSession(module.FindSlot(SoftHsmToken.Label, serial: null), readWrite: true);
        session.Login(Ck.UserSecurityOfficer, "12345678"u8);
        session.InitializePin("another-pin-55"u8);
        session.Logout();
    }

    private async Task ReplaceKeysAsync()
    {
        using (var module = Pkcs11Module.Acquire(SoftHsmDirectory.ModulePath))
        {
            using var session = module.OpenSession(module.FindSlot(SoftHsmToken.Label, serial: null), readWrite: true);
            session.Login(Ck.UserUser, token.Pin.Bytes);
            foreach (var label in TokenKeys.Labels)
            {
                using var search = new AttributeTemplate().Add(Cka.Label, label);
                Array.ForEach(session.Find(search), session.Discard);
            }
            session.Logout();
        }
        await token.CreateKeysAsync();
    }

    private Task<IsolatedHsm> OpenAsync(HostProgram program, HsmPin? pin = null, TimeProvider? time = null) => IsolatedHsm.OpenAsync(
        token.Options(sessions: 1, pin: pin, timeProvider: time),
        new IsolationOptions
        {
            Program = program,
            StartDeadline = program.Path == "/bin/sleep" ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(30),
            Observer = events.See,
        },
        CancellationToken.None);
}
