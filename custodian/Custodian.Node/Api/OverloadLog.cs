namespace Custodian.Node.Api;

/// <summary>
/// Says in the log that calls are refused as OVERLOADED, once a second at most: a flood of calls must not become a flood of lines. The
/// metrics count every one. Thread-safe.
/// </summary>
internal sealed class OverloadLog(TimeProvider time, ILogger<OverloadLog> logger)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private long? _last;
    private long _unsaid;

    internal void Refused(string method, string requestId)
    {
        long unsaid;
        lock (_gate)
        {
            if (_last is { } last && time.GetElapsedTime(last) < Quiet)
            {
                _unsaid++;
                return;
            }

            (_last, unsaid, _unsaid) = (time.GetTimestamp(), _unsaid, 0);
        }

        ApiLog.Overloaded(logger, method, unsaid, requestId);
    }
}
