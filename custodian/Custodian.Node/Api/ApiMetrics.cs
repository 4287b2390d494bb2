using System.Diagnostics.Metrics;

namespace Custodian.Node.Api;

/// <summary>What a node counts of its calls (meter <c>Custodian.Node</c>). No tag ever names a caller, an account or a record.</summary>
internal sealed class ApiMetrics
{
    internal const string MeterName = "Custodian.Node";

    private readonly Counter<long> _calls;
    private readonly Histogram<double> _callSeconds;
    private readonly Histogram<double> _hsmSeconds;
    private readonly Counter<long> _refunds;
    private readonly Counter<long> _overloads;
    private readonly TimeProvider _time;

    public ApiMetrics(IMeterFactory meters, TimeProvider time)
    {
        Meter meter = meters.Create(MeterName);
        _time = time;
        _calls = meter.CreateCounter<long>("custodian.calls", "{call}", "Calls by method and outcome: OK, a refusal's reason, CANCELLED or INTERNAL.");
        _callSeconds = meter.CreateHistogram<double>("custodian.call.duration", "s", "Time from a call's arrival to its answer, by method.");
        _hsmSeconds = meter.CreateHistogram<double>("custodian.hsm.duration", "s", "Time of one HSM operation, by operation and outcome: OK or FAILED.");
        _refunds = meter.CreateCounter<long>("custodian.refunds", "{charge}", "Charges that met a failing HSM, by outcome: REFUNDED, KEPT or FAILED.");
        _overloads = meter.CreateCounter<long>("custodian.overloads", "{call}", "Calls that met a limit, by which: address, account, issuer, calls, address_calls, account_hsm_calls, hsm or store.");
    }

    /// <summary>Counts a call that ended.</summary>
    internal void CallEnded(string method, string outcome, long started)
    {
        var tag = new KeyValuePair<string, object?>("method", method);
        _calls.Add(1, tag, new("outcome", outcome));
        _callSeconds.Record(_time.GetElapsedTime(started).TotalSeconds, tag);
    }

    /// <summary>Counts what became of a charge whose evaluation failed.</summary>
    internal void Refunded(string outcome) => _refunds.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>Counts a call that a limit turned away.</summary>
    internal void Overloaded(string limit) => _overloads.Add(1, new KeyValuePair<string, object?>("limit", limit));

    /// <summary>Times an operation of the HSM.</summary>
    internal async Task<T> TimeHsmAsync<T>(string operation, Func<ValueTask<T>> run)
    {
        long started = _time.GetTimestamp();
        string outcome = "FAILED";
        try
        {
            T result = await run();
            outcome = "OK";
            return result;
        }
        finally
        {
            double seconds = _time.GetElapsedTime(started).TotalSeconds;
            _hsmSeconds.Record(seconds, new KeyValuePair<string, object?>("operation", operation), new("outcome", outcome));
        }
    }
}
