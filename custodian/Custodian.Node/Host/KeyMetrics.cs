using System.Diagnostics.Metrics;

namespace Custodian.Node.Host;

/// <summary>What a node counts of bringing records under a new seal key (meter <c>Custodian.Node</c>).</summary>
internal sealed class KeyMetrics
{
    private readonly Counter<long> _resealed;
    private readonly Counter<long> _failures;
    private long _left;

    internal KeyMetrics(IMeterFactory meters)
    {
        Meter meter = meters.Create(Storage.StoreMetrics.MeterName);
        _resealed = meter.CreateCounter<long>("custodian.reseal.records", "{record}", "Records brought under the newest seal key.");
        _failures = meter.CreateCounter<long>("custodian.reseal.failures", "{record}", "Records that could not be, since they do not open or authenticate.");
        meter.CreateObservableGauge(
            "custodian.reseal.left", () => Interlocked.Read(ref _left), "{record}", "Records under an older seal key than the newest.");
    }

    /// <summary>Notes how many are left.</summary>
    internal void Left(long records) => Interlocked.Exchange(ref _left, records);

    internal void Resealed()
    {
        _resealed.Add(1);
        Interlocked.Decrement(ref _left);
    }

    internal void Failed() => _failures.Add(1);
}
