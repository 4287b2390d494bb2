using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Access;
using Custodian.Node.Api.Health;
using Custodian.Node.Api.Rates;
using Custodian.Node.Api.Requests;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.Node.Api;

/// <summary>
/// The one way of every call through the node (architecture.md): request id, limits, token, parse, execute, then an answer or a refusal of
/// protocol.md section 13. What goes wrong underneath is logged here with the request id, and becomes a reason without a word of it.
/// </summary>
internal sealed class CallPipeline(
    NodeProfile profile, IAccessCheck access, CallRates rates, FloodLog floods, StorageWatch storage, ApiMetrics metrics, TimeProvider time,
    ILogger<CallPipeline> logger)
{
    private const string Cancelled = "CANCELLED";
    private const string Internal = "INTERNAL";
    private const string Ok = "OK";

    /// <summary>Takes a request through; throws the <see cref="RpcException"/> that gRPC answers with when there is no answer. The request's bytes are zeroed.</summary>
    internal async Task<TResponse> RunAsync<TWire, TCall, TResponse>(
        CallRoute<TWire, TCall, TResponse> route, byte[] request, ServerCallContext context)
        where TWire : IMessage<TWire>
        where TCall : class
        where TResponse : class
    {
        long started = time.GetTimestamp();
        string requestId = RequestId.Draw();
        context.ResponseTrailers.Add(RequestId.Trailer, requestId);
        string ended = Internal;
        try
        {
            Outcome<TResponse> outcome = await GuardAsync(route, request, context, requestId);
            ended = outcome.Refusal?.Reason.WireName() ?? Ok;
            return outcome.Answer ?? throw Refuse(route.Name, outcome.Refusal!, requestId);
        }
        catch (RpcException cancelled) when (cancelled.StatusCode == StatusCode.Cancelled)
        {
            ended = Cancelled;
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(request);
            metrics.CallEnded(route.Name, ended, started);
        }
    }

    /// <summary>Turns every failure underneath into what a caller may know of it.</summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "nothing of an exception crosses the wire")]
    private async Task<Outcome<TResponse>> GuardAsync<TWire, TCall, TResponse>(
        CallRoute<TWire, TCall, TResponse> route, byte[] request, ServerCallContext context, string requestId)
        where TWire : IMessage<TWire>
        where TCall : class
        where TResponse : class
    {
        using var limit = new CancellationTokenSource(profile.LongestWait, time);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.CancellationToken);
        var scope = new CallScope(requestId, waiting.Token);
        context.GetHttpContext().Response.RegisterForDispose(scope);
        try
        {
            return await ExecuteAsync(route, request, context, scope);
        }
        catch (OperationCanceledException) when (context.CancellationToken.IsCancellationRequested)
        {
            ApiLog.Cancelled(logger, route.Name, requestId);
            throw new RpcException(Status.DefaultCancelled);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            ApiLog.WaitedTooLong(logger, route.Name, requestId);
            return Overload.Refusal;
        }
        catch (HsmException failure)
        {
            ApiLog.HsmFailed(logger, route.Name, failure.Class, ApiLog.WordsOf(failure), requestId);
            return new Refusal(RefusalReason.HsmUnavailable);
        }
        catch (StorageException busy) when (busy.Fault == StorageFault.Busy)
        {
            metrics.Overloaded("store");
            return Overload.Refusal;
        }
        catch (StorageException failure)
        {
            Log(failure, route.Name, requestId);
            return new Refusal(RefusalReason.StorageUnavailable);
        }
        catch (Exception fault)
        {
            ApiLog.Faulted(logger, fault, route.Name, requestId);
            throw RefusalStatus.Fault(requestId);
        }
    }

    private async Task<Outcome<TResponse>> ExecuteAsync<TWire, TCall, TResponse>(
        CallRoute<TWire, TCall, TResponse> route, byte[] request, ServerCallContext context, CallScope scope)
        where TWire : IMessage<TWire>
        where TCall : class
        where TResponse : class
    {
        HttpContext http = context.GetHttpContext();
        if (CallGate.RefusalOf(http) is { } shed)
        {
            return shed;
        }

        AccessDecision decision = await access.CheckAsync(http);
        if (decision.Caller is not { } caller)
        {
            return decision.Refusal ?? new Refusal(RefusalReason.TokenRejected);
        }

        if (rates.ByCaller(caller) is { } often)
        {
            return often;
        }

        if (RequestFraming.IsBroken(http))
        {
            return Refusal.Invalid("request", RequestFraming.Expected);
        }

        if (!TryRead(route.Message, request, out TWire? wire))
        {
            return Refusal.Invalid("request", $"the serialised {route.Name}Request message");
        }

        Parsed<TCall> parsed = route.Parse(wire, new FieldReader(profile, caller));
        return parsed.Fault is { } fault
            ? new Refusal(RefusalReason.InvalidRequest, fault)
            : await route.ExecuteAsync(parsed, scope);
    }

    /// <summary>
    /// Reads the message. Hostile bytes make the runtime throw more than its own exception; whatever it throws says the same of them.
    /// </summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "whatever is thrown, the bytes are at fault")]
    private static bool TryRead<TWire>(MessageParser<TWire> parser, byte[] bytes, [NotNullWhen(true)] out TWire? message)
        where TWire : IMessage<TWire>
    {
        try
        {
            message = parser.WithDiscardUnknownFields(true).ParseFrom(bytes);
            return true;
        }
        catch (Exception)
        {
            message = default;
            return false;
        }
    }

    private RpcException Refuse(string method, Refusal refusal, string requestId)
    {
        if (!floods.TrySay(method, refusal.Reason, requestId))
        {
            string field = refusal.Fault is { } fault ? $", field {fault.Field}" : "";
            ApiLog.Refused(logger, method, refusal.Reason.WireName(), field, requestId);
        }

        return RefusalStatus.Of(refusal, requestId);
    }

    private void Log(StorageException failure, string method, string requestId)
    {
        storage.Saw(failure);
        if (failure.Fault == StorageFault.Tampered)
        {
            ApiLog.StorageTampered(logger, failure, method, requestId);
        }
        else
        {
            ApiLog.StorageFailed(logger, failure, method, failure.Fault, requestId);
        }
    }
}
