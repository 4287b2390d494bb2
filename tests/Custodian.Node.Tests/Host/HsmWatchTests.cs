using Custodian.Node.Api.Health;
using Custodian.Node.Host;
using Custodian.Node.Tests.Api.Node;
using Custodian.Pkcs11.Isolation;

namespace Custodian.Node.Tests.Host;

/// <summary>What becomes of the HSM's process, as the log and the readiness tell it.</summary>
public sealed class HsmWatchTests : IDisposable
{
    private readonly Readiness _readiness = new();
    private readonly TestLog _log = new();
    private readonly HsmWatch _watch;

    public HsmWatchTests()
    {
        _readiness.Holds(ReadinessPart.Start);
        _watch = new HsmWatch(_readiness, _log.CreateLogger("hsm"));
    }

    public void Dispose() => _log.Dispose();

    [Theory]
    [InlineData(HostEndCause.BadFrame)]
    [InlineData(HostEndCause.Died)]
    [InlineData(HostEndCause.Hung)]
    [InlineData(HostEndCause.OutOfMemory)]
    [InlineData(HostEndCause.CanaryFailed)]
    public void See_ProcessThatFailed_IsOneLineAndNotReady(HostEndCause cause)
    {
        _watch.See(new HostFailed(4711, cause, "the detail of it", 137, 5));

        string said = Assert.Single(_log.TakeWarnings());
        Assert.Equal($"Error: the HSM process 4711 failed ({cause}: the detail of it; exit status 137) with 5 calls unanswered; another is being started", said);
        Assert.Equal([ReadinessPart.Hsm], _readiness.Current.Faults.Keys);
    }

    [Fact]
    public void See_ProcessThatWasReplacedAsPlanned_IsNoWarningAndReady()
    {
        _watch.See(new HostStarted(4712, TimeSpan.FromSeconds(1)));
        _watch.See(new HostRecycled(4711, RecycleCause.Memory, 4712));

        Assert.Equal(2, _log.Lines.Count);
        Assert.Empty(_log.TakeWarnings());
        Assert.True(_readiness.Current.IsReady);
    }
}
