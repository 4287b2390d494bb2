using System.Net;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>
/// What a real node answers to what is no call of its service, or to one that no gRPC library would send: a documented status, never
/// UNKNOWN, and INTERNAL for none of it.
/// </summary>
[Collection(SingleNode.Collection)]
public sealed class FrameTests(SingleNode one)
{
    private const string Describe = "/custodian.v1.Custody/Describe";
    private const string Grpc = "application/grpc";
    private const string Ok = "0";
    private const string InvalidArgument = "3";
    private const string Unimplemented = "12";
    private const string Unauthenticated = "16";

    private static readonly Dictionary<string, (string Path, string ContentType, Action<HttpRequestMessage> Change, string Status)> Odd = new()
    {
        ["method that there is not"] = ("/custodian.v1.Custody/Guess", Grpc, _ => { }, Unimplemented),
        ["method in other letters"] = ("/custodian.v1.Custody/DESCRIBE", Grpc, _ => { }, Ok),
        ["service that there is not"] = ("/custodian.v2.Custody/Describe", Grpc, _ => { }, Unimplemented),
        ["content type with a format"] = (Describe, "application/grpc+proto", _ => { }, Ok),
        ["timeout that is no number"] = (Describe, Grpc, r => r.Headers.TryAddWithoutValidation("grpc-timeout", "soon"), Ok),
        ["timeout beyond all bounds"] = (Describe, Grpc, r => r.Headers.TryAddWithoutValidation("grpc-timeout", "99999999H"), Ok),
        ["method that is not POST"] = (Describe, Grpc, r => r.Method = HttpMethod.Put, InvalidArgument),
        ["binary metadata that is no base64"] = (Describe, Grpc, r => r.Headers.TryAddWithoutValidation("odd-bin", "!!!"), Ok),
        ["encoding that nobody knows"] = (Describe, Grpc, r => r.Headers.TryAddWithoutValidation("grpc-encoding", "br"), InvalidArgument),
        ["two tokens"] = (Describe, Grpc, r => r.Headers.TryAddWithoutValidation("authorization", "Bearer x"), Unauthenticated),
        ["token of 17 KiB"] = (Describe, Grpc, r => Replace(r, new string('x', 17 * 1024)), Unauthenticated),
        ["no message"] = (Describe, Grpc, r => Body(r, []), InvalidArgument),
        ["two messages"] = (Describe, Grpc, r => Body(r, new byte[10]), InvalidArgument),
        ["message without its end"] = (Describe, Grpc, r => Body(r, [0, 0, 0, 1, 0, 1]), InvalidArgument),
    };

    public static TheoryData<string> OddCalls => [.. Odd.Keys];

    [Theory]
    [MemberData(nameof(OddCalls))]
    public async Task Call_OutsideWhatALibrarySends_IsAnsweredWithADocumentedStatus(string kind)
    {
        (string path, string contentType, Action<HttpRequestMessage> change, string status) = Odd[kind];
        using HttpClient http = Client();
        using HttpRequestMessage request = Request(path, contentType);
        change(request);
        request.Content!.Headers.ContentType = new(contentType);

        using HttpResponseMessage answer = await http.SendAsync(request);

        Assert.Equal((HttpStatusCode.OK, status), (answer.StatusCode, Status(answer)));
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/grpc-web")]
    public async Task Request_OfAnotherContentType_IsRefusedAsHttp(string contentType)
    {
        using HttpClient http = Client();
        using HttpRequestMessage request = Request(Describe, contentType);

        using HttpResponseMessage answer = await http.SendAsync(request);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
        Assert.Empty(answer.Headers.Server);
    }

    [Theory]
    [InlineData(100, 100)]
    [InlineData(3, 16 * 1024)]
    public async Task Request_HeadersBeyondTheLimits_IsRefusedAndTheNextIsServed(int count, int length)
    {
        using HttpClient http = Client();
        using HttpRequestMessage request = Request(Describe, Grpc);
        for (int i = 0; i < count; i++)
        {
            request.Headers.TryAddWithoutValidation($"odd-{i}", new string('x', length));
        }

        Assert.NotEqual(Ok, await OutcomeAsync(http, request));
        using HttpRequestMessage next = Request(Describe, Grpc);
        Assert.Equal(Ok, await OutcomeAsync(http, next));
    }

    private static async Task<string?> OutcomeAsync(HttpClient http, HttpRequestMessage request)
    {
        try
        {
            using HttpResponseMessage answer = await http.SendAsync(request);
            return answer.StatusCode == HttpStatusCode.OK ? Status(answer) : answer.StatusCode.ToString();
        }
        catch (HttpRequestException refused)
        {
            return refused.HttpRequestError.ToString();
        }
    }

    private HttpClient Client() => new(new SocketsHttpHandler { SslOptions = RawCaller.Trust(one.Realm.CaFile) })
    {
        BaseAddress = new Uri(one.Node.Address),
    };

    private HttpRequestMessage Request(string path, string contentType)
    {
        byte[] message = new DescribeRequest { SetId = one.Realm.SetId }.ToByteArray();
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, (byte)message.Length, .. message]),
        };
        request.Content.Headers.ContentType = new(contentType);
        request.Headers.TryAddWithoutValidation("te", "trailers");
        request.Headers.TryAddWithoutValidation("authorization", $"Bearer {one.Realm.Issuer.TokenFor(one.Node.NodeId, "frames")}");
        return request;
    }

    private static void Body(HttpRequestMessage request, byte[] body) => request.Content = new ByteArrayContent(body);

    private static void Replace(HttpRequestMessage request, string token)
    {
        request.Headers.Remove("authorization");
        request.Headers.TryAddWithoutValidation("authorization", $"Bearer {token}");
    }

    private static string Status(HttpResponseMessage answer) =>
        (answer.TrailingHeaders.TryGetValues("grpc-status", out IEnumerable<string>? values) ? values : answer.Headers.GetValues("grpc-status")).Single();
}
