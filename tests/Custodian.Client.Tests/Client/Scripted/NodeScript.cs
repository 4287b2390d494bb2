using System.Collections.Concurrent;
using Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>What a scripted node does besides being honest: lies, refusals, silence, lost answers. Set by a test, read by calls.</summary>
internal sealed class NodeScript
{
    /// <summary>Every call that reached the node, by method name, in order.</summary>
    internal ConcurrentQueue<string> Calls { get; } = [];

    /// <summary>Runs before a call is looked at; may wait for as long as the test wants, or throw a refusal.</summary>
    internal Func<string, CancellationToken, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Runs once a call took effect, before its answer is sent.</summary>
    internal Func<string, Task> After { get; set; } = _ => Task.CompletedTask;

    /// <summary>Whether the connection breaks instead of the answer being sent, although the call took effect.</summary>
    internal Func<string, bool> LosesAnswer { get; set; } = _ => false;

    internal Action<DescribeResponse> Describe { get; set; } = _ => { };

    internal Action<PrepareResponse> Prepare { get; set; } = _ => { };

    /// <summary>Changes an answer; gets the request too.</summary>
    internal Action<EvaluateRequest, EvaluateResponse> Evaluate { get; set; } = (_, _) => { };

    internal Action<ConfirmResponse> Confirm { get; set; } = _ => { };

    internal Action<ActivateResponse> Activate { get; set; } = _ => { };

    /// <summary>How often a method was called.</summary>
    internal int Count(string method) => Calls.Count(c => c == method);

    /// <summary>Refuses calls of the methods that the test names.</summary>
    internal void Refuse(Exception refusal, params string[] methods) =>
        Before = (method, _) => methods.Contains(method) ? throw refusal : Task.CompletedTask;

    /// <summary>Never answers calls of the methods that the test names, until they are cancelled.</summary>
    internal void Hang(params string[] methods) =>
        Before = (method, cancellation) => methods.Contains(method)
            ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation)
            : Task.CompletedTask;
}
