using Custodian.Core;

namespace Custodian.Node.Storage;

/// <summary>
/// One call that waits for the writer. It is either taken into a transaction or cancelled, never both: once taken, its decision is
/// written whether or not anybody still waits for it.
/// </summary>
internal abstract class WriteCall(byte[] row)
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int Cancelled = 2;

    private int _state = Waiting;

    /// <summary>The name of the account's row.</summary>
    internal byte[] Row { get; } = row;

    /// <summary>Whether the caller has its outcome, or will not take one.</summary>
    internal abstract bool IsAnswered { get; }

    /// <summary>Takes the call into a transaction. False when it was cancelled before.</summary>
    internal bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) != Cancelled;

    /// <summary>Asks the rule, and keeps its answer for <see cref="Complete"/>.</summary>
    internal abstract Change? Decide(Account account);

    /// <summary>Answers with what was decided last. What it decided is durable.</summary>
    internal abstract void Complete();

    /// <summary>Answers with a failure. Nothing of the call was written.</summary>
    internal abstract void Fail(Exception failure);

    /// <summary>Withdraws the call if it still waits.</summary>
    protected bool TryCancel() => Interlocked.CompareExchange(ref _state, Cancelled, Waiting) == Waiting;
}

/// <inheritdoc cref="WriteCall"/>
internal sealed class WriteCall<T>(byte[] row, Func<Account, Decision<T>> decide) : WriteCall(row)
    where T : class
{
    // The writer must not run what its callers do next.
    private readonly TaskCompletionSource<Decision<T>> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Decision<T>? _decision;

    internal override bool IsAnswered => _outcome.Task.IsCompleted;

    /// <summary>The outcome; cancelled only while the call waits to be taken.</summary>
    internal async Task<Decision<T>> WaitAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            (call, token) => ((WriteCall<T>)call!).Cancel(token), this);
        return await _outcome.Task.ConfigureAwait(false);
    }

    internal override Change? Decide(Account account)
    {
        _decision = decide(account);
        return _decision.Change;
    }

    internal override void Complete() => _outcome.TrySetResult(_decision!);

    internal override void Fail(Exception failure) => _outcome.TrySetException(failure);

    private void Cancel(CancellationToken token)
    {
        if (TryCancel())
        {
            _outcome.TrySetCanceled(token);
        }
    }
}
