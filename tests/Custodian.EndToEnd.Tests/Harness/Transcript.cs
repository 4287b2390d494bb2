using System.Text;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>What a process prints on one of its streams: readable while it prints, and whole once the stream has ended.</summary>
internal sealed class Transcript
{
    private readonly StringBuilder _text = new();
    private readonly Lock _writing = new();
    private TaskCompletionSource _more = NewSignal();

    private Transcript(StreamReader source) => Ended = ReadAsync(source);

    /// <summary>All of it, once the stream has ended.</summary>
    internal Task<string> Ended { get; }

    /// <summary>What has come so far.</summary>
    internal string SoFar
    {
        get
        {
            lock (_writing)
            {
                return _text.ToString();
            }
        }
    }

    internal static Transcript Of(StreamReader source) => new(source);

    /// <summary>Waits until what has come so far satisfies a condition, and returns it.</summary>
    /// <exception cref="TimeoutException">It does not within 30 seconds, or the stream ended without; the message holds the text.</exception>
    internal async Task<string> UntilAsync(Predicate<string> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        while (true)
        {
            bool ended = Ended.IsCompleted;
            Task more = Volatile.Read(ref _more).Task;
            string text = SoFar;
            if (holds(text))
            {
                return text;
            }

            if (ended || patience.IsCancellationRequested)
            {
                throw new TimeoutException($"what was waited for never came:\n{text}");
            }

            await Task.WhenAny(more, Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, patience.Token));
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task<string> ReadAsync(StreamReader source)
    {
        var buffer = new char[4096];
        int read;
        while ((read = await source.ReadAsync(buffer)) > 0)
        {
            lock (_writing)
            {
                _text.Append(buffer, 0, read);
            }

            Interlocked.Exchange(ref _more, NewSignal()).SetResult();
        }

        Volatile.Read(ref _more).TrySetResult();
        return SoFar;
    }
}
