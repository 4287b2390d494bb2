using System.Diagnostics.Metrics;
using Custodian.Pkcs11.Isolation;

namespace Custodian.Node.Host;

/// <summary>What a node counts of the HSM's processes (meter <c>Custodian.Node</c>).</summary>
internal sealed class HsmMetrics
{
    private const string NotStarted = "NotStarted";

    private readonly Counter<long> _starts;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _recycles;

    internal HsmMetrics(IMeterFactory meters)
    {
        Meter meter = meters.Create(Storage.StoreMetrics.MeterName);
        _starts = meter.CreateCounter<long>("custodian.hsm.starts", "{process}", "HSM processes that became ready.");
        _failures = meter.CreateCounter<long>(
            "custodian.hsm.failures", "{process}", "HSM processes that failed, by cause: Died, Hung, OutOfMemory, BadFrame, CanaryFailed or NotStarted.");
        _recycles = meter.CreateCounter<long>("custodian.hsm.recycles", "{process}", "HSM processes replaced as planned, by cause: Count or Memory.");
    }

    internal void Started() => _starts.Add(1);

    internal void FailedToStart() => _failures.Add(1, Because(NotStarted));

    internal void Failed(HostEndCause cause) => _failures.Add(1, Because(cause.ToString()));

    internal void Recycled(RecycleCause cause) => _recycles.Add(1, Because(cause.ToString()));

    private static KeyValuePair<string, object?> Because(string cause) => new("cause", cause);
}
