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
}
