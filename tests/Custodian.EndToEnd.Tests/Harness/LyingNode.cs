using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// Stands in front of a real node, under a certificate that clients trust, and hands every call on to it. What a test adds to it makes it
/// lie, refuse, wait or go silent: the clients of the realm find it where the set has the node, until it is disposed. Honest otherwise.
/// </summary>
internal sealed class LyingNode : IAsyncDisposable
{
    private readonly Realm _realm;
    private readonly GrpcChannel _channel;
    private readonly CallInvoker _node;
    private readonly LyingScript _script = new();
    private WebApplication? _server;

    private LyingNode(Realm realm, NodeProcess real)
    {
        (_realm, Real) = (realm, real);
        _channel = GrpcChannel.ForAddress(real.Address, new GrpcChannelOptions
        {
            // With a ConnectCallback a call after a failed connection tries again at once, instead of failing for a while.
            HttpHandler = new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true, SslOptions = RawCaller.Trust(realm.CaFile), ConnectCallback = ConnectAsync,
            },
            DisposeHttpClient = true,
        });
        _node = _channel.CreateCallInvoker();
    }

    /// <summary>The node behind it.</summary>
    internal NodeProcess Real { get; }

    internal string NodeId => Real.NodeId;

    /// <summary>Every call that reached it, in order.</summary>
    internal IReadOnlyCollection<LyingCall> Calls => _script.Calls;

    /// <summary>Puts one in front of a node. Clients made from now on call it.</summary>
    internal static async Task<LyingNode> StartAsync(Realm realm, NodeProcess real)
    {
        var node = new LyingNode(realm, real);
        string folder = Directory.CreateDirectory(realm.NewFile("liar")).FullName;
        node._server = await LyingService.StartAsync(node, realm.Surroundings.Authority, folder);
        realm.Route(real, node._server.Urls.Single());
        return node;
    }

    /// <summary>The calls of one method so far.</summary>
    internal IReadOnlyList<LyingCall> CallsOf(CustodyMethod method) => [.. Calls.Where(c => c.Method == method)];

    /// <summary>Adds a behaviour around what it does so far.</summary>
    internal void Add(LyingBehaviour behaviour) => _script.Add(behaviour);

    /// <summary>Adds a behaviour for one method.</summary>
    internal void Add(CustodyMethod method, LyingBehaviour behaviour) =>
        Add((call, next) => call.Method == method ? behaviour(call, next) : next());

    /// <summary>Hands everything on again.</summary>
    internal void BeHonest() => _script.Clear();

    /// <summary>Changes the answers of the method that this is the answer of.</summary>
    internal void Alter<TResponse>(Action<TResponse> change)
        where TResponse : IMessage<TResponse>, new() => Alter<TResponse>((_, answer) => change(answer));

    /// <summary>Changes the answers of the method that this is the answer of, by what was asked.</summary>
    internal void Alter<TResponse>(Action<LyingCall, TResponse> change)
        where TResponse : IMessage<TResponse>, new() => Add(MethodOf<TResponse>("Response"), async (call, next) =>
        {
            TResponse answer = LyingCall.Parse<TResponse>(await next());
            change(call, answer);
            return answer.ToByteArray();
        });

    /// <summary>Changes the requests of the method that this is the request of, before the node sees them.</summary>
    internal void AlterRequest<TRequest>(Action<TRequest> change)
        where TRequest : IMessage<TRequest>, new() => Add(MethodOf<TRequest>("Request"), (call, next) =>
        {
            TRequest request = call.RequestAs<TRequest>();
            change(request);
            call.Request = request.ToByteArray();
            return next();
        });

    /// <summary>Refuses the calls of a method instead of handing them on.</summary>
    internal void Refuse(CustodyMethod method, RpcException refusal) => Add(method, (_, _) => throw refusal);

    /// <summary>Hands the calls of a method on, and cuts the connection instead of answering.</summary>
    internal void LoseAnswers(CustodyMethod method) => Add(method, async (_, next) =>
    {
        await next();
        throw new LostAnswerException();
    });

    /// <summary>Does something before or after the <paramref name="number"/>-th call of a method, with the client waiting meanwhile.</summary>
    /// <param name="method">The method.</param>
    /// <param name="number">Which of its calls, from 1, counted from the start of this node.</param>
    /// <param name="before">Before the node sees it.</param>
    /// <param name="after">After the node has answered or refused, before the client is told.</param>
    internal void At(CustodyMethod method, int number, Func<LyingCall, Task>? before = null, Func<LyingCall, Task>? after = null) =>
        Add(method, async (call, next) =>
        {
            if (call.Number != number)
            {
                return await next();
            }

            await (before?.Invoke(call) ?? Task.CompletedTask);
            try
            {
                return await next();
            }
            finally
            {
                await (after?.Invoke(call) ?? Task.CompletedTask);
            }
        });

    /// <summary>Keeps the calls of a method from the node until they are let go.</summary>
    internal HeldCalls Hold(CustodyMethod method)
    {
        var held = new HeldCalls();
        Add(method, async (call, next) =>
        {
            await held.ArriveAsync(call.Cancelled);
            return await next();
        });
        return held;
    }

    /// <summary>Sends a call that was seen before to the node once more, as it was, and gives the node's answer.</summary>
    internal async Task<byte[]> ReplayAsync(LyingCall call) => await HandOnAsync(call, CancellationToken.None);

    /// <summary>Answers a call by what the test has added, and remembers it.</summary>
    internal async Task<byte[]> AnswerAsync(CustodyMethod method, byte[] request, Metadata headers, ServerCallContext context)
    {
        LyingCall call = _script.Note(method, request, headers, context.CancellationToken);
        try
        {
            return call.Answer = await _script.RunAsync(call, () => HandOnAsync(call, call.Cancelled));
        }
        catch (LostAnswerException)
        {
            context.GetHttpContext().Abort();
            throw;
        }
        catch (RpcException refusal)
        {
            call.Refusal = refusal;
            throw new RpcException(refusal.Status, Details(refusal));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _realm.Route(Real, null);
        if (_server is { } server)
        {
            using var atOnce = new CancellationTokenSource();
            await atOnce.CancelAsync();
            await server.StopAsync(atOnce.Token);
            await server.DisposeAsync();
        }

        _channel.Dispose();
    }

    private async Task<byte[]> HandOnAsync(LyingCall call, CancellationToken cancellation) =>
        await _node.AsyncUnaryCall(
            LyingService.MethodOf(call.Method), null, new CallOptions(call.Headers, cancellationToken: cancellation), call.Request);

    /// <summary>The trailers that say why: the others are the server's own to set.</summary>
    private static Metadata Details(RpcException refusal)
    {
        var trailers = new Metadata();
        foreach (Metadata.Entry entry in refusal.Trailers.Where(t => t.Key == "grpc-status-details-bin"))
        {
            trailers.Add(entry);
        }

        return trailers;
    }

    private static CustodyMethod MethodOf<T>(string suffix) => Enum.Parse<CustodyMethod>(typeof(T).Name[..^suffix.Length]);

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class LostAnswerException : Exception;
}

/// <summary>Calls that a <see cref="LyingNode"/> keeps back.</summary>
internal sealed class HeldCalls
{
    private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when the first has come.</summary>
    internal Task Arrived => _arrived.Task;

    /// <summary>Lets all go on, those that come later too.</summary>
    internal void Release() => _released.TrySetResult();

    internal Task ArriveAsync(CancellationToken cancellation)
    {
        _arrived.TrySetResult();
        return _released.Task.WaitAsync(cancellation);
    }
}
