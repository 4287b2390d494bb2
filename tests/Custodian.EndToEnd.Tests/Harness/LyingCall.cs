using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>The calls of the service (protocol.md section 12).</summary>
public enum CustodyMethod
{
    /// <summary>Prepare.</summary>
    Prepare,
    /// <summary>Deposit.</summary>
    Deposit,
    /// <summary>Activate.</summary>
    Activate,
    /// <summary>Describe.</summary>
    Describe,
    /// <summary>Evaluate.</summary>
    Evaluate,
    /// <summary>Confirm.</summary>
    Confirm,
    /// <summary>Retire.</summary>
    Retire,
    /// <summary>Delete.</summary>
    Delete,
}

/// <summary>One call that reached a <see cref="LyingNode"/>: what the client sent, and what it was answered.</summary>
/// <param name="method">Which call.</param>
/// <param name="number">The how-manieth call of this method it is, from 1.</param>
/// <param name="request">The message as it came.</param>
/// <param name="headers">The headers to pass on, the token among them.</param>
/// <param name="cancelled">The caller has gone.</param>
internal sealed class LyingCall(CustodyMethod method, int number, byte[] request, Metadata headers, CancellationToken cancelled)
{
    internal CustodyMethod Method => method;

    internal int Number => number;

    /// <summary>What the client sent, and what goes to the node: a behaviour may put other bytes in its place.</summary>
    internal byte[] Request { get; set; } = request;

    internal Metadata Headers => headers;

    internal CancellationToken Cancelled => cancelled;

    /// <summary>What the client was answered; null while it waits, and when it was refused or cut off.</summary>
    internal byte[]? Answer { get; set; }

    /// <summary>What the client was refused with.</summary>
    internal RpcException? Refusal { get; set; }

    /// <summary>The request as its message.</summary>
    internal T RequestAs<T>()
        where T : IMessage<T>, new() => Parse<T>(Request);

    /// <summary>The answer as its message.</summary>
    internal T AnswerAs<T>()
        where T : IMessage<T>, new() => Parse<T>(Answer ?? throw new InvalidOperationException($"{method} {number} was not answered"));

    internal static T Parse<T>(byte[] bytes)
        where T : IMessage<T>, new()
    {
        var message = new T();
        message.MergeFrom(bytes);
        return message;
    }
}

/// <summary>Does something with a call; <paramref name="next"/> goes on to what the node would do, and gives its answer or throws its refusal.</summary>
internal delegate Task<byte[]> LyingBehaviour(LyingCall call, Func<Task<byte[]>> next);

/// <summary>What a <see cref="LyingNode"/> does with its calls: behaviours around the honest one, the newest outermost. Thread-safe.</summary>
internal sealed class LyingScript
{
    private readonly ConcurrentQueue<LyingCall> _calls = [];
    private readonly ConcurrentDictionary<CustodyMethod, int> _numbers = [];
    private volatile LyingBehaviour[] _behaviours = [];

    /// <summary>Every call so far, in the order they came.</summary>
    internal IReadOnlyCollection<LyingCall> Calls => _calls;

    internal void Add(LyingBehaviour behaviour) => _behaviours = [.. _behaviours, behaviour];

    internal void Clear() => _behaviours = [];

    internal LyingCall Note(CustodyMethod method, byte[] request, Metadata headers, CancellationToken cancelled)
    {
        int number = _numbers.AddOrUpdate(method, 1, (_, before) => before + 1);
        var call = new LyingCall(method, number, request, headers, cancelled);
        _calls.Enqueue(call);
        return call;
    }

    internal Task<byte[]> RunAsync(LyingCall call, Func<Task<byte[]>> honest) =>
        _behaviours.Aggregate(honest, (next, behaviour) => () => behaviour(call, next))();
}
