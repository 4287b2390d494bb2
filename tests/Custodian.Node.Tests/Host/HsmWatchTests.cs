using System.Diagnostics.Metrics;
using Custodian.Node.Api;
using Custodian.Node.Api.Health;
using Custodian.Node.Host;
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

    [Fact]
    public void See_StartsFailuresAndReplacements_AreCountedByCause()
    {
        IMeterFactory meters = _metering.GetRequiredService<IMeterFactory>();
        var counted = new Dictionary<string, long>();
        using MeterListener listener = Listen(meters, counted);
        var watch = new HsmWatch(new Readiness(), new HsmMetrics(meters), NullLogger.Instance);
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

    public void Dispose() => _metering.Dispose();

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
