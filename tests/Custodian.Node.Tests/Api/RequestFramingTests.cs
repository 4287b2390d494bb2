using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using Custodian.Node.Tests.Api.Node;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using RpcStatus = Custodian.Protocol.Wire.Status;

namespace Custodian.Node.Tests.Api;

/// <summary>Bytes that no gRPC client sends: refused like any other request, after the token, and without a warning in the log.</summary>
public sealed class RequestFramingTests(TestNode node) : IClassFixture<TestNode>, IDisposable
{
    private const string Unauthenticated = "16";
    private const string InvalidArgument = "3";
    private const string Describe = "/custodian.v1.Custody/Describe";

    private static readonly byte[] Message = new DescribeRequest { SetId = "acme-test" }.ToByteArray();

    private static readonly Dictionary<string, (byte[] Body, string? Encoding)> Broken = new()
    {
        ["no frame"] = ([], null),
        ["half a prefix"] = ([0, 0, 0], null),
        ["flag 2"] = (Frame(Message, flag: 2), null),
        ["flag 255"] = (Frame(Message, flag: 255), null),
        ["compressed without an encoding"] = (Frame(Message, flag: 1), null),
        ["gzip"] = (Frame(Gzip(Message), flag: 1), "gzip"),
        ["gzip announced"] = (Frame(Message), "gzip"),
        ["identity, compressed"] = (Frame(Gzip(Message), flag: 1), "identity"),
        ["unknown encoding"] = (Frame(Message, flag: 1), "snappy"),
        ["length of 4 GiB"] = ([0, 0xff, 0xff, 0xff, 0xff, .. Message], null),
        ["length of 2 GiB"] = ([0, 0x80, 0, 0, 0, .. Message], null),
        ["length beyond the limit"] = ([0, 0, 2, 0, 1], null),
        ["short frame"] = (Frame(Message)[..^1], null),
        ["surplus byte"] = ([.. Frame(Message), 0], null),
        ["two frames"] = ([.. Frame(Message), .. Frame(Message)], null),
        ["beyond the server's limit"] = (new byte[40 * 1024 * 1024], null),
    };

    public static TheoryData<string> Names => [.. Broken.Keys];

    public void Dispose() => Assert.Empty(node.Log.TakeWarnings());

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Call_BrokenFraming_IsInvalidRequest(string name)
    {
        using HttpResponseMessage answer = await SendAsync(Describe, Broken[name].Body, Broken[name].Encoding, "framing-user");

        Assert.Equal((HttpStatusCode.OK, InvalidArgument), (answer.StatusCode, Trailer(answer, "grpc-status")));
        ErrorInfo info = Details(answer);
        Assert.Equal(("INVALID_REQUEST", "request"), (info.Reason, info.Metadata["field"]));
        Assert.Equal(Trailer(answer, "x-request-id"), info.Metadata["request_id"]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Call_BrokenFramingWithoutToken_IsTokenRejected(string name)
    {
        using HttpResponseMessage answer = await SendAsync(Describe, Broken[name].Body, Broken[name].Encoding, subject: null);

        Assert.Equal(Unauthenticated, Trailer(answer, "grpc-status"));
        Assert.Equal("TOKEN_REJECTED", Details(answer).Reason);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Health_BrokenFraming_IsInvalidArgument(string name)
    {
        foreach (string method in (string[])["Check", "Watch"])
        {
            using HttpResponseMessage answer =
                await SendAsync($"/grpc.health.v1.Health/{method}", Broken[name].Body, Broken[name].Encoding, subject: null);

            Assert.Equal(InvalidArgument, Trailer(answer, "grpc-status"));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("identity")]
    public async Task Call_SoundFraming_IsAnswered(string? encoding)
    {
        using HttpResponseMessage answer = await SendAsync(Describe, Frame(Message), encoding, "framing-user");

        Assert.Equal("0", Trailer(answer, "grpc-status"));
    }

    [Fact]
    public async Task Call_ManyLongRequestsAtOnceOnOneConnection_AllAreAnswered()
    {
        byte[] longest = Frame(new byte[128 * 1024]);

        // Together far more than an HTTP/2 connection's window: whoever held one back unread would stop all.
        HttpResponseMessage[] answers = await Task.WhenAll(
            Enumerable.Range(0, 64).Select(_ => SendAsync(Describe, longest, encoding: null, "framing-user")));

        Assert.All(answers, answer => Assert.Equal(InvalidArgument, Trailer(answer, "grpc-status")));
    }

    [Fact]
    public async Task Call_GivenUpInTheMiddleOfItsRequest_LeavesNoWarning()
    {
        using var gone = new CancellationTokenSource();
        using HttpRequestMessage request = Request("/custodian.v1.Custody/Confirm", new Unfinished(gone), encoding: null, "framing-user");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.Http.SendAsync(request, gone.Token));

        await Eventually.HoldsAsync(() => node.Log.Lines.Any(
            line => line.StartsWith("Request finished", StringComparison.Ordinal) && line.Contains("Custody/Confirm", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Call_RequestNeverEnds_IsRefusedAfterTheLongestWait()
    {
        using var sent = new CancellationTokenSource();
        using HttpRequestMessage request = Request(Describe, new Unfinished(sent, goes: false), encoding: null, "framing-user");
        Task<HttpResponseMessage> answering = node.Http.SendAsync(request);
        await Eventually.HoldsAsync(() => node.Clock.Timers(TimeSpan.FromSeconds(30)) == 1);

        node.Clock.Advance(TimeSpan.FromSeconds(30));

        using HttpResponseMessage answer = await answering;
        Assert.Equal(InvalidArgument, Trailer(answer, "grpc-status"));
    }

    private static byte[] Frame(byte[] message, byte flag = 0)
    {
        byte[] frame = [flag, 0, 0, 0, 0, .. message];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        return frame;
    }

    private static byte[] Gzip(byte[] message)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            gzip.Write(message);
        }

        return compressed.ToArray();
    }

    private static HttpRequestMessage Request(string path, HttpContent content, string? encoding, string? subject)
    {
        content.Headers.ContentType = new("application/grpc");
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Add("te", "trailers");
        if (encoding is not null)
        {
            request.Headers.Add("grpc-encoding", encoding);
        }

        if (subject is not null)
        {
            request.Headers.Add("authorization", $"Bearer {subject}");
        }

        return request;
    }

    private async Task<HttpResponseMessage> SendAsync(string path, byte[] body, string? encoding, string? subject)
    {
        using HttpRequestMessage request = Request(path, new ByteArrayContent(body), encoding, subject);
        return await node.Http.SendAsync(request);
    }

    private static string Trailer(HttpResponseMessage answer, string name) =>
        (answer.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? values) ? values : answer.Headers.GetValues(name)).Single();

    private static ErrorInfo Details(HttpResponseMessage answer)
    {
        string text = Trailer(answer, "grpc-status-details-bin");
        return RpcStatus.Parser.ParseFrom(Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='))).Details[0].Unpack<ErrorInfo>();
    }

    /// <summary>Half a frame, and then the sender goes, or stays and sends no more.</summary>
    private sealed class Unfinished(CancellationTokenSource gone, bool goes = true) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(Frame(Message).AsMemory(0, 8));
            await stream.FlushAsync();
            if (goes)
            {
                await gone.CancelAsync();
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, gone.Token);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
