using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Isolation.Supervision;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>One process of the HSM, past its supervisor: what is asked of it may come when it is gone.</summary>
public sealed class HostChildTests : IAsyncLifetime, IDisposable
{
    private readonly SoftHsmToken token = new();

    public Task InitializeAsync() => token.CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => token.Dispose();

    [Fact]
    public async Task Retire_ProcessThatIsGone_ChangesNothing()
    {
        var isolation = new IsolationOptions { Program = TestHosts.Sound(token) };
        var child = await HostChild.StartAsync(new HostAssignment(token.Options(), token.Pin, isolation), CancellationToken.None);

        HostSignals.Send(child.Id, HostSignals.Kill);
        var end = await child.Ended;
        await child.RetireAsync();

        Assert.Equal(HostEndCause.Died, end.Fault.Cause);
        Assert.Equal(end, await child.Ended);
    }

    /// <summary>A fresh one would have no less, so a young process is left alone.</summary>
    [Fact]
    public async Task Recycle_ProcessNearItsMemoryLimit_IsDueOnceItHasSettled()
    {
        var time = new ManualTime();
        var isolation = new IsolationOptions { Program = TestHosts.Faulty(token, HostFaultKind.Grow), MemoryLimit = 256L << 20 };
        var child = await HostChild.StartAsync(new HostAssignment(token.Options(timeProvider: time), token.Pin, isolation), CancellationToken.None);
        for (var answers = 0; answers < 5; answers++)
        {
            await child.RefreshAsync(authorised: null);
        }
        Assert.InRange(ResidentMemory.Of(child.Id), FaultyHost.Grown * 9 / 10, isolation.MemoryLimit);

        time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(child.RecycleDue.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(child.RecycleDue.IsCompleted);

        Assert.Equal(RecycleCause.Memory, await child.RecycleDue);
        Assert.False(child.Failed.IsCompleted);
        await child.RetireAsync();
    }
}
