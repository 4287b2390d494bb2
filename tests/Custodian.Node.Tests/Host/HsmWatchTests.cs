using System.Diagnostics.Metrics;
using Custodian.Node.Api;
using Custodian.Node.Api.Health;
using Custodian.Node.Host;
using Custodian.Node.Tests.Api.Node;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Isolation;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Node.Tests.Host;

/// <summary>What a node makes of what happens to the HSM's processes.</summary>
public sealed class HsmWatchTests : IDisposable
{
    private static readonly HsmException Failure = new(HsmErrorClass.Fatal, 5, "C_Login", "gone");

    private readonly ServiceProvider _metering = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Readiness _readiness = new();
    private readonly TestLog _log = new();

    private IMeterFactory Meters => _metering.GetRequiredService<IMeterFactory>();

    [Fact]
    public void See_StartsFailuresAndReplacements_AreCountedByCause()
    {
        var counted = new Dictionary<string, long>();
        using MeterListener listener = Listen(Meters, counted);
        var watch = new HsmWatch(new Readiness(), new HsmMetrics(Meters), NullLogger.Instance);
        IsolationEvent[] happened =
        [
            new HostStarted(1, TimeSpan.Zero), new HostStarted(2, TimeSpan.Zero), new HostStarted(3, TimeSpan.Zero),
            new HostRecycled(1, RecycleCause.Count, 2), new HostRecycled(2, RecycleCause.Memory, 3), new HostRecycled(3, RecycleCause.Memory, 4),
            new HostFailed(4, HostEndCause.Died, "", 137, 0), new HostFailed(5, HostEndCause.Hung, "", 137, 2),
            new HostNotStarted(Failure, TimeSpan.FromSeconds(1)), new HostNotStarted(Failure, null),
            new HostSaid(6, "a word"), new HostCleared(6, Failure),
        ];

        Array.ForEach(happened, watch.See);

        Assert.Equal(
            new Dictionary<string, long>
            {
                ["custodian.hsm.starts"] = 3,
                ["custodian.hsm.recycles Count"] = 1,
                ["custodian.hsm.recycles Memory"] = 2,
                ["custodian.hsm.failures Died"] = 1,
                ["custodian.hsm.failures Hung"] = 1,
                ["custodian.hsm.failures NotStarted"] = 2,
            },
            counted);
    }

    [Theory]
    [InlineData(HostEndCause.BadFrame)]
    [InlineData(HostEndCause.Died)]
    [InlineData(HostEndCause.Hung)]
    [InlineData(HostEndCause.OutOfMemory)]
    [InlineData(HostEndCause.CanaryFailed)]
    public void See_ProcessThatFailed_IsOneLineAndNotReady(HostEndCause cause)
    {
        Watch().See(new HostFailed(4711, cause, "the detail of it", 137, 5));

        string said = Assert.Single(_log.TakeWarnings());
        Assert.Equal($"Error: the HSM process 4711 failed ({cause}: the detail of it; exit status 137) with 5 calls unanswered; another is being started", said);
        Assert.Equal([ReadinessPart.Hsm], _readiness.Current.Faults.Keys);
    }

    [Fact]
    public void See_ProcessThatWasReplacedAsPlanned_IsNoWarningAndReady()
    {
        HsmWatch watch = Watch();
        watch.See(new HostStarted(4712, TimeSpan.FromSeconds(1)));
        watch.See(new HostRecycled(4711, RecycleCause.Memory, 4712));

        Assert.Equal(2, _log.Lines.Count);
        Assert.Empty(_log.TakeWarnings());
        Assert.True(_readiness.Current.IsReady);
    }

    public void Dispose()
    {
        _log.Dispose();
        _metering.Dispose();
    }

    private HsmWatch Watch()
    {
        _readiness.Holds(ReadinessPart.Start);
        return new HsmWatch(_readiness, new HsmMetrics(Meters), _log.CreateLogger("hsm"));
    }

    private static MeterListener Listen(IMeterFactory meters, Dictionary<string, long> counted)
    {
        Meter meter = meters.Create(ApiMetrics.MeterName);
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (ReferenceEquals(instrument.Meter, meter))
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, count, tags, _) =>
        {
            string name = tags.Length == 0 ? instrument.Name : $"{instrument.Name} {tags[0].Value}";
            counted[name] = counted.GetValueOrDefault(name) + count;
        });
        listener.Start();
        return listener;
    }
}
