using System.Collections.Frozen;
using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Api;

/// <summary>
/// Says in the log that calls are refused for a reason that anybody can bring about without a token, once a second and reason at most: a
/// flood of calls must not become a flood of lines. The metrics count every one. Thread-safe.
/// </summary>
internal sealed class FloodLog(TimeProvider time, ILogger<FloodLog> logger)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly FrozenDictionary<RefusalReason, Line> _lines =
        new[] { RefusalReason.Overloaded, RefusalReason.TokenRejected }.ToFrozenDictionary(reason => reason, _ => new Line());

    /// <summary>Says it, or counts it for the next line; false for a reason that no flood brings about.</summary>
    internal bool TrySay(string method, RefusalReason reason, string requestId)
    {
        if (!_lines.TryGetValue(reason, out Line? line))
        {
            return false;
        }

        if (line.Take(time) is { } unsaid)
        {
            ApiLog.RefusedAgain(logger, method, reason.WireName(), unsaid, requestId);
        }

        return true;
    }

    private sealed class Line
    {
        private readonly Lock _gate = new();
        private long? _last;
        private long _unsaid;

        /// <returns>How many there were since the last line; null while it is too soon for another.</returns>
        internal long? Take(TimeProvider time)
        {
            lock (_gate)
            {
                if (_last is { } last && time.GetElapsedTime(last) < Quiet)
                {
                    _unsaid++;
                    return null;
                }

                (_last, long unsaid, _unsaid) = (time.GetTimestamp(), _unsaid, 0);
                return unsaid;
            }
        }
    }
}
