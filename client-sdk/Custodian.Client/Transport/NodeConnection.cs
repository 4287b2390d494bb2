using System.Diagnostics.CodeAnalysis;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Polly;

namespace Custodian.Client;

/// <summary>One node as a place to call: its connections and its resilience. Built once, thread-safe.</summary>
internal sealed class NodeConnection : IDisposable
{
    /// <summary>More than the largest answer: Describe of 16 tombstones and every live record a node can hold, or one envelope.</summary>
    private const int MaxAnswerSize = 512 * 1024;

    private readonly GrpcChannel _channel;
    private readonly ResiliencePipeline _pipeline;
    private readonly ILogger _log;

    internal NodeConnection(CustodianNode node, CustodianClientOptions options, ILogger log)
    {
        Node = node;
        _log = log;
        _pipeline = NodePipeline.Create(options);
        _channel = GrpcChannel.ForAddress(node.Address, new GrpcChannelOptions
        {
            HttpHandler = NodeHandler.Create(node, options),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = MaxAnswerSize,
            MaxRetryAttempts = 1,
        });
        Stub = new Custody.CustodyClient(_channel);
    }

    internal CustodianNode Node { get; }

    internal NodeId Id => Node.Id;

    internal Custody.CustodyClient Stub { get; }

    /// <summary>Makes a call, as often as the pipeline wants, each time with the same request.</summary>
    /// <param name="call">Starts the call on the stub.</param>
    /// <param name="token">Gives the token.</param>
    /// <param name="cancellation">Ends the call; then, and only then, this throws.</param>
    /// <exception cref="OperationCanceledException">Cancelled by the caller.</exception>
    [SuppressMessage(
        "Design",
        "CA1031:Do not catch general exception types",
        Justification = "whatever a hostile node's answer makes the libraries throw is that node's failure, and no other's")]
    internal async Task<Reply<T>> CallAsync<T>(
        Func<Custody.CustodyClient, CallOptions, AsyncUnaryCall<T>> call,
        Func<CancellationToken, ValueTask<string>> token,
        CancellationToken cancellation)
        where T : class
    {
        bool isLost = false;
        try
        {
            // Outside the pipeline: the application may ask its user, and no timeout of a node counts for that.
            string bearer = "Bearer " + await token(cancellation).ConfigureAwait(false);
            T answer = await _pipeline
                .ExecuteAsync(attempt => AttemptAsync(call, bearer, failure => isLost |= FailureReading.IsLost(failure), attempt), cancellation)
                .ConfigureAwait(false);
            return Reply<T>.Of(answer);
        }
        catch (NoTokenException failure)
        {
            return Fail<T>(new NodeOutcome(NodeCondition.NoToken, failure.Message));
        }
        catch (Exception failure) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(failure.Message, failure, cancellation);
        }
        catch (Exception failure)
        {
            return Fail<T>(FailureReading.Outcome(failure), isLost);
        }
    }

    public void Dispose() => _channel.Dispose();

    private async ValueTask<T> AttemptAsync<T>(
        Func<Custody.CustodyClient, CallOptions, AsyncUnaryCall<T>> call, string bearer, Action<Exception> failed, CancellationToken cancellation)
        where T : class
    {
        try
        {
            return await SendAsync(call, bearer, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            failed(failure);
            throw;
        }
    }

    private async Task<T> SendAsync<T>(
        Func<Custody.CustodyClient, CallOptions, AsyncUnaryCall<T>> call, string bearer, CancellationToken cancellation)
        where T : class
    {
        Metadata headers = new() { { "authorization", bearer } };
        using AsyncUnaryCall<T> running = call(Stub, new CallOptions(headers, cancellationToken: cancellation));
        try
        {
            return await running.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException failure) when (failure.StatusCode == StatusCode.Cancelled && cancellation.IsCancellationRequested)
        {
            // The pipeline knows by this whether its own timeout or the caller ended the attempt.
            throw new OperationCanceledException(failure.Message, failure, cancellation);
        }
    }

    private Reply<T> Fail<T>(NodeOutcome outcome, bool mayHaveActed = false)
        where T : class
    {
        Log.CallFailed(_log, Id.Value, typeof(T).Name, outcome.Explanation);
        return Reply<T>.Failed(outcome, mayHaveActed);
    }
}
