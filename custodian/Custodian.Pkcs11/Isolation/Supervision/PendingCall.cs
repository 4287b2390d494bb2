using Custodian.Pkcs11.Isolation.Frames;

namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>Reads what an answer holds.</summary>
/// <exception cref="MalformedFrameException">It holds something else.</exception>
internal delegate T AnswerDecoder<out T>(ref FrameReader answer);

/// <summary>A request that was sent and not answered yet.</summary>
internal abstract class PendingCall
{
    /// <summary>When it was first seen to have its turn, as the table's clock counts; null before.</summary>
    public long? BegunAt { get; set; }

    /// <summary>It was done: reads the answer whole, and only then lets the caller go on.</summary>
    /// <exception cref="MalformedFrameException">The answer is not what was asked for; the caller still waits.</exception>
    public abstract void Complete(FrameReader answer);

    /// <summary>It was not done.</summary>
    public abstract void Fail(HsmException failure);
}

/// <summary>A request whose caller waits for a value.</summary>
internal sealed class PendingCall<T>(AnswerDecoder<T> decode) : PendingCall
{
    private readonly TaskCompletionSource<T> answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Task => answered.Task;

    public override void Complete(FrameReader answer)
    {
        var value = decode(ref answer);
        answer.End();
        answered.TrySetResult(value);
    }

    public override void Fail(HsmException failure) => answered.TrySetException(failure);
}
