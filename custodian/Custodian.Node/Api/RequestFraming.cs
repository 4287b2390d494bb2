using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.AspNetCore.Server;

namespace Custodian.Node.Api;

/// <summary>
/// Reads how a request is framed before gRPC does: one message, not compressed, within the limit. gRPC would meet anything else before
/// any code of ours, and answer UNKNOWN with a stack trace in the log, one per hostile request and without a token; and it would inflate
/// what is compressed. A call that fails here goes on with an empty message and a mark, and is refused in its turn: after its token.
/// </summary>
/// <param name="next">The call.</param>
/// <param name="profile">The longest message, and the longest that a caller may take to send it.</param>
/// <param name="time">The clock of that.</param>
internal sealed class RequestFraming(RequestDelegate next, NodeProfile profile, TimeProvider time)
{
    /// <summary>What a request must be, for a refusal.</summary>
    internal const string Expected = "one gRPC message, whole, not compressed and no longer than the node takes";

    private const int PrefixLength = 5;

    private static readonly object Mark = new();

    /// <summary>Puts this in front of every method of a service. They must take one message: of a stream only the end would tell.</summary>
    internal static void Guard(IEndpointConventionBuilder service, NodeProfile profile, TimeProvider time) => service.Add(endpoint =>
    {
        if (endpoint.RequestDelegate is { } call)
        {
            endpoint.RequestDelegate = new RequestFraming(call, profile, time).InvokeAsync;
        }
    });

    /// <summary>Whether the request of this call was something else, and an empty message stands in its place.</summary>
    internal static bool IsBroken(HttpContext context) => context.Items.ContainsKey(Mark);

    /// <summary>Puts an empty message in the place of what the caller sends, which stays unread.</summary>
    internal static void Empty(HttpContext context) => context.Request.Body = new MemoryStream(new byte[PrefixLength], writable: false);

    private async Task InvokeAsync(HttpContext context)
    {
        if (IsCall(context) && !await IsSoundAsync(context.Request))
        {
            context.Items[Mark] = Mark;
            Empty(context);
        }

        await next(context);
    }

    // What is no gRPC call at all is turned away by gRPC, unread.
    private static bool IsCall(HttpContext context) =>
        HttpProtocol.IsHttp2(context.Request.Protocol)
        && context.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true
        && context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is not null;

    private async Task<bool> IsSoundAsync(HttpRequest request)
    {
        if (!HttpMethods.IsPost(request.Method) || (request.Headers.GrpcEncoding is { Count: > 0 } encoding && encoding != "identity"))
        {
            return false;
        }

        using var limit = new CancellationTokenSource(profile.LongestWait, time);
        try
        {
            return await ReadAsync(request.BodyReader, limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The caller has gone in the middle, or sends slower or more than the server bears. Whether anyone hears the refusal or not.
            return false;
        }
    }

    // Nothing is consumed, so gRPC finds all of it; but what was examined counts as read, and the caller may send on.
    private async Task<bool> ReadAsync(PipeReader body, CancellationToken limit)
    {
        while (true)
        {
            ReadResult read = await body.ReadAsync(limit);
            bool? sound = Judge(read.Buffer, read.IsCompleted);
            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (sound is { } known)
            {
                return known;
            }
        }
    }

    /// <returns>null while it may still become either.</returns>
    private bool? Judge(in ReadOnlySequence<byte> body, bool isWhole)
    {
        if (body.Length < PrefixLength)
        {
            return isWhole ? false : null;
        }

        Span<byte> prefix = stackalloc byte[PrefixLength];
        body.Slice(0, PrefixLength).CopyTo(prefix);
        long message = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        long missing = PrefixLength + message - body.Length;
        if (prefix[0] != 0 || message > profile.MaxRequestBytes || missing < 0)
        {
            return false;
        }

        return isWhole ? missing == 0 : null;
    }
}
