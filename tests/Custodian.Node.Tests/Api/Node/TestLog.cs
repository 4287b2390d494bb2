using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Custodian.Node.Tests.Api.Node;

/// <summary>Keeps what a node logs. Warnings and worse must be taken by the test that expects them, or fail it.</summary>
internal sealed class TestLog : ILoggerProvider
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = new();

    /// <summary>Every line so far that has not been taken, exceptions included.</summary>
    internal IReadOnlyCollection<string> Lines => [.. _lines.Select(l => l.Text)];

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void Dispose()
    {
    }

    /// <summary>Takes all lines; returns those of level warning and above.</summary>
    internal IReadOnlyList<string> TakeWarnings()
    {
        List<string> warnings = [];
        while (_lines.TryDequeue(out (LogLevel Level, string Text) line))
        {
            if (line.Level >= LogLevel.Warning)
            {
                warnings.Add($"{line.Level}: {line.Text}");
            }
        }

        return warnings;
    }

    private sealed class Logger(TestLog log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log._lines.Enqueue((logLevel, exception is null ? formatter(state, null) : $"{formatter(state, exception)} {exception}"));
    }
}
