using System.Collections.Immutable;
using System.Threading.Channels;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// One try of a secret at one record: all participants evaluate at once, and their answers are searched for a fit as they arrive. After a
/// fit the answers still to come can be drained; disposing leaves the nodes alone and zeroes what has come.
/// </summary>
internal sealed class Trial : IDisposable
{
    private readonly Operation _operation;
    private readonly Channel<NodeAnswer> _channel = Channel.CreateUnbounded<NodeAnswer>();
    private readonly CancellationTokenSource _ending;
    private readonly List<NodeAnswer> _answers = [];
    private readonly SubsetSearch _search;
    private readonly StageProgress _progress;
    private RecordKeys? _keys;

    private Trial(Operation operation, HeldRecord record, SecretBytes stretched)
    {
        _operation = operation;
        Record = record;
        ForeignBefore = ForeignCount.Of(record);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(operation.Core.Closing);
        _search = new SubsetSearch(record.Header.Threshold, IsRecoveryKey);
        _progress = new StageProgress(operation.Progress, CustodyStage.Evaluating, record.Header.Participants.Length);
        ImmutableArray<NodeAttempt> attempts =
            [.. record.Header.Participants.Select(p => new NodeAttempt(operation, record.Header, p, stretched))];
        _ = RunAllAsync(attempts, _ending.Token);
    }

    internal HeldRecord Record { get; }

    internal Header Header => Record.Header;

    /// <summary>Attempts that others made, by what the nodes showed before this try.</summary>
    internal Dictionary<NodeId, int> ForeignBefore { get; }

    /// <summary>How each participant fared so far.</summary>
    internal OutcomeTable Outcomes { get; } = new();

    /// <summary>The answers so far, in the order they came.</summary>
    internal IReadOnlyList<NodeAnswer> Answers => _answers;

    /// <summary>How many of them are good.</summary>
    internal int Good => _search.Count;

    /// <summary>The keys that follow from the recovery key; null until a fit was found.</summary>
    internal RecordKeys? Keys => _keys;

    /// <summary>Sends the attempts. The stretched secret may be disposed when this returns.</summary>
    internal static Trial Start(Operation operation, HeldRecord record, SecretBytes stretched) =>
        new(operation, record, stretched);

    /// <summary>
    /// Takes answers until some fit together; false when all have come, or when the patience is over that begins with the t-th good one.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal async Task<bool> FindAsync(CancellationToken cancellation)
    {
        CustodianClientOptions options = _operation.Core.Options;
        using CancellationTokenSource patience = new(Timeout.InfiniteTimeSpan, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            await foreach (NodeAnswer answer in _channel.Reader.ReadAllAsync(either.Token).ConfigureAwait(false))
            {
                if (Take(answer))
                {
                    BlameMisfits();
                    return true;
                }

                if (answer.IsGood && Good == Header.Threshold)
                {
                    patience.CancelAfter(options.Patience);
                }
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && patience.IsCancellationRequested)
        {
            // The others may be right, but nobody waits for them any longer.
        }

        return false;
    }

    /// <summary>After a fit: the answers that were still to come, as they arrive.</summary>
    internal async IAsyncEnumerable<NodeAnswer> LateAsync()
    {
        await foreach (NodeAnswer answer in _channel.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            Take(answer);
            Blame(answer);
            yield return answer;
        }
    }

    public void Dispose()
    {
        _ending.Cancel();
        _keys?.Dispose();
        _search.Dispose();
        foreach (NodeAnswer answer in _answers)
        {
            answer.Dispose();
        }

        _ = DrainAsync();
    }

    private async Task DrainAsync()
    {
        await foreach (NodeAnswer answer in _channel.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            answer.Dispose();
        }

        // No call looks at it any more: the channel ends after the last of them.
        _ending.Dispose();
    }

    private async Task RunAllAsync(ImmutableArray<NodeAttempt> attempts, CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(attempts.Select(a => Task.Run(() => RunOneAsync(a, cancellation), CancellationToken.None)))
                .ConfigureAwait(false);
        }
        finally
        {
            // Whatever happened: nobody may wait for answers that cannot come any more.
            _channel.Writer.Complete();
        }
    }

    private async Task RunOneAsync(NodeAttempt attempt, CancellationToken cancellation)
    {
        using (attempt)
        {
            NodeAnswer answer = await attempt.RunAsync(cancellation).ConfigureAwait(false);
            await _channel.Writer.WriteAsync(answer, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Notes an answer; true when it completes the first fit.</summary>
    private bool Take(NodeAnswer answer)
    {
        _answers.Add(answer);
        Outcomes.Set(answer.Node, answer.Outcome);
        _progress.Done(answer.Node, answer.Outcome);
        return answer.Share is { } share && _search.Add(answer.Index, share.Span);
    }

    private void BlameMisfits()
    {
        foreach (NodeAnswer answer in _answers)
        {
            Blame(answer);
        }
    }

    /// <summary>A good answer whose share is not on the polynomial: its node evaluated falsely.</summary>
    private void Blame(NodeAnswer answer)
    {
        if (answer.Share is { } share && !_search.Agrees(answer.Index, share.Span))
        {
            const string why = "its share does not fit those of the others";
            Outcomes.Set(answer.Node, NodeOutcome.Faulty(why));
            Log.NodeFaulty(_operation.Core.Log, answer.Node.Value, why);
        }
    }

    private bool IsRecoveryKey(ReadOnlySpan<byte> candidate) => RecordKeys.TryDerive(candidate, Header, out _keys);
}
