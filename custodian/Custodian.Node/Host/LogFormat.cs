using Microsoft.Extensions.Logging.Console;

namespace Custodian.Node.Host;

/// <summary>How a node writes its log: a JSON object a line, with the time in UTC, so that it tells when without a collector's help.</summary>
internal static class LogFormat
{
    private const string Time = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>Writes to standard output; or to standard error, for commands that print a result.</summary>
    internal static ILoggingBuilder AddNodeLog(this ILoggingBuilder logging, bool toStandardError = false)
    {
        logging.AddJsonConsole(o => (o.UseUtcTimestamp, o.TimestampFormat) = (true, Time));
        if (toStandardError)
        {
            logging.Services.Configure<ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
        }

        return logging;
    }
}
