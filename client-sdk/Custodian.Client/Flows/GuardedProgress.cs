using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace Custodian.Client;

/// <summary>
/// The caller's progress, whose failure must not become the operation's: a display that broke is no reason to leave a change half done.
/// </summary>
internal sealed class GuardedProgress(IProgress<CustodyProgress>? progress, ILogger log) : IProgress<CustodyProgress>
{
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "the application's own code may throw anything")]
    public void Report(CustodyProgress value)
    {
        try
        {
            progress?.Report(value);
        }
        catch (Exception failure)
        {
            Log.ProgressFailed(log, failure.GetType().Name);
        }
    }
}
