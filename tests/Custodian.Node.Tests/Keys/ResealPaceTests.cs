using System.Diagnostics.Metrics;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Api.Node;
using Custodian.Pkcs11;

namespace Custodian.Node.Tests.Keys;

/// <summary>How fast records are brought under the newest seal key, and how an operator sees it go.</summary>
public sealed class ResealPaceTests : IAsyncLifetime
{
    private SealedNode _node = null!;

    public async Task InitializeAsync() => _node = await SealedNode.OpenAsync();

    public async Task DisposeAsync()
    {
        string[] warnings = [.. _node.Log.TakeWarnings()];
        await _node.DisposeAsync();
        Assert.Empty(warnings);
    }

    [Fact]
    public async Task Watch_Rate_IsKept()
    {
        await _node.AddAsync(20);
        uint version = await _node.RotateSealAsync();
        long began = TimeProvider.System.GetTimestamp();

        await using (_node.Watch(rate: 20))
        {
            await _node.ResealedAsync(version);
        }

        Assert.True(TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromSeconds(0.9));
    }

    [Fact]
    public async Task Watch_Rate0_LeavesRecordsWhereTheyAre()
    {
        await _node.AddAsync(2);
        uint version = await _node.RotateSealAsync();

        await using (_node.Watch(rate: 0))
        {
            await Eventually.HoldsAsync(async () => (await _node.UseAsync()).FirstUseMs.ContainsKey((KeyPurpose.Seal, version)));
        }

        Assert.Equal(2, (await _node.UseAsync()).SealedBefore(version));
    }

    [Fact]
    public async Task Watch_Meters_CountWhatWasDoneAndWhatIsLeft()
    {
        await _node.AddAsync(5);
        uint version = await _node.RotateSealAsync();
        long done = 0;
        long left = -1;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name == StoreMetrics.MeterName && instrument.Name.StartsWith("custodian.reseal", StringComparison.Ordinal))
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
        {
            done += instrument.Name == "custodian.reseal.records" ? value : 0;
            left = instrument.Name == "custodian.reseal.left" ? value : left;
        });
        listener.Start();

        await using (_node.Watch())
        {
            await _node.ResealedAsync(version);
            await Eventually.HoldsAsync(() => Interlocked.Read(ref done) == 5);
            listener.RecordObservableInstruments();
        }

        Assert.Equal((5L, 0L), (done, left));
    }
}
