using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>Requests that are HTTP/2 and no proper gRPC call: a real node refuses them as documented, or as HTTP's own rules say.</summary>
[Collection(AttackedNode.Collection)]
public sealed class OddRequestsTests : IDisposable
{
    private const string Describe = "Describe";

    /// <summary>Of a message, in bytes: twice the longest valid one.</summary>
    private const int LongestMessage = 128 * 1024;

    private readonly AttackedNode _attacked;
    private readonly HttpClient _http;

    public OddRequestsTests(AttackedNode attacked)
    {
        _attacked = attacked;
        _http = new HttpClient(new SocketsHttpHandler { SslOptions = RawCaller.Trust(attacked.Realm.CaFile) }, disposeHandler: true)
        {
            BaseAddress = new Uri(attacked.Node.Address),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    private static Dictionary<string, Action<HttpRequestMessage>> Odd => new()
    {
        ["GET"] = r => (r.Method, r.Content) = (HttpMethod.Get, null),
        ["PUT"] = r => r.Method = HttpMethod.Put,
        ["no content type"] = r => r.Content!.Headers.ContentType = null,
        ["content type of JSON"] = r => r.Content!.Headers.ContentType = new MediaTypeHeaderValue("application/json"),
        ["gRPC of JSON"] = r => r.Content!.Headers.ContentType = new MediaTypeHeaderValue("application/grpc+json"),
        ["gRPC-Web"] = r => r.Content!.Headers.ContentType = new MediaTypeHeaderValue("application/grpc-web"),
        ["no trailers"] = r => r.Headers.Remove("te"),
        ["unknown method"] = r => r.RequestUri = new Uri("/custodian.v1.Custody/Erase", UriKind.Relative),
        ["unknown service"] = r => r.RequestUri = new Uri("/custodian.v2.Custody/Describe", UriKind.Relative),
        ["path of percent signs"] = r => r.RequestUri = new Uri("/custodian.v1.Custody/%00%ff%2e%2e%2f", UriKind.Relative),
        ["timeout of nothing"] = r => r.Headers.TryAddWithoutValidation("grpc-timeout", ""),
        ["timeout of no number"] = r => r.Headers.TryAddWithoutValidation("grpc-timeout", "xS"),
        ["negative timeout"] = r => r.Headers.TryAddWithoutValidation("grpc-timeout", "-1S"),
        ["timeout of no unit"] = r => r.Headers.TryAddWithoutValidation("grpc-timeout", "1Q"),
        ["timeout of an age"] = r => r.Headers.TryAddWithoutValidation("grpc-timeout", "99999999H"),
        ["timeout too long to say"] = r => r.Headers.TryAddWithoutValidation("grpc-timeout", "99999999999999999999S"),
        ["two timeouts"] = r => r.Headers.TryAddWithoutValidation("grpc-timeout", ["1S", "2S"]),
        ["binary metadata that is none"] = r => r.Headers.TryAddWithoutValidation("x-bin", "%%%"),
        ["token of two words"] = r => Authorize(r, "Bearer a b"),
        ["empty token"] = r => Authorize(r, "Bearer "),
        ["no scheme"] = r => Authorize(r, "e30.e30.e30"),
        ["token of dots"] = r => Authorize(r, "Bearer ...."),
        ["token without end"] = r => Authorize(r, "Bearer " + new string('a', 20_000)),
        ["two tokens"] = r => r.Headers.TryAddWithoutValidation("authorization", "Bearer e30.e30.e30"),
        ["metadata of 20 KB"] = r => r.Headers.TryAddWithoutValidation("x-large", new string('x', 20_000)),
        ["metadata of 40 KB"] = r => r.Headers.TryAddWithoutValidation("x-large", new string('x', 40_000)),
        ["sixty headers"] = r => Enumerable.Range(0, 60).ToList().ForEach(i => r.Headers.TryAddWithoutValidation($"x-{i}", "1")),
        ["answer compressed"] = r => r.Headers.TryAddWithoutValidation("grpc-accept-encoding", "gzip, deflate, snappy, %%%"),
    };

    public static TheoryData<string> Names => [.. Odd.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Request_Odd_IsRefusedAsDocumentedOrByHttpsRules(string name)
    {
        await SendAsync(Describe, Frame(0, Message), Odd[name], name);

        // The first may still be sent into the connection that is going down.
        Assert.Equal(
            "OK",
            await SendAsync(Describe, Frame(0, Message), _ => { }, "a proper call") ?? await SendAsync(Describe, Frame(0, Message), _ => { }, "another"));
    }

    [Fact]
    public async Task Request_RandomFramesOfEveryCall_AreInvalidRequestsUnlessWhole()
    {
        using RawCaller caller = _attacked.CallerFor("an odd one's neighbour");
        using SoloRecord record = await SoloRecord.EnrolAsync(
            caller, _attacked.Realm.SetId, _attacked.Node.NodeId, _attacked.Realm.Issuer.Name, caller.Subject!);
        var broken = new HashSet<string>();
        var draws = new Draws("hostile/frames");
        for (int i = 0; i < Effort.Times(200, 20_000); i++)
        {
            string call = draws.Pick(ValidCall.Names);
            byte[] message = ValidCall.Of(call, record, _attacked.Realm.SetId).ToByteArray();
            byte[] body = Body(draws, message);
            string script = $"seed {Effort.Seed}, frame {i} of {call}: {Convert.ToHexStringLower(body.AsSpan(0, Math.Min(40, body.Length)))}, {body.Length} bytes";

            // One account may send fifty a second, and more are refused before anyone looks at what is in them.
            string token = _attacked.Realm.Issuer.TokenFor(_attacked.Node.NodeId, $"an odd one {i / 100}");
            string? reason = await SendAsync(call, body, r => Authorize(r, $"Bearer {token}"), script);
            Assert.True(reason is not null && (IsWhole(body) || reason == "INVALID_REQUEST"), $"{reason}, {script}");
            if (!IsWhole(body))
            {
                broken.Add(call);
            }
        }

        Assert.Equal(ValidCall.Names.Count, broken.Count);
    }

    public void Dispose() => _http.Dispose();

    private byte[] Message => new DescribeRequest { SetId = _attacked.Realm.SetId }.ToByteArray();

    private static void Authorize(HttpRequestMessage request, string value)
    {
        request.Headers.Remove("authorization");
        request.Headers.TryAddWithoutValidation("authorization", value);
    }

    private static byte[] Frame(byte flag, byte[] message, uint? length = null)
    {
        byte[] frame = [flag, 0, 0, 0, 0, .. message];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), length ?? (uint)message.Length);
        return frame;
    }

    /// <summary>One frame, not compressed, that is as long as it says and no longer than a node takes.</summary>
    private static bool IsWhole(byte[] body) =>
        body.Length is >= 5 and <= 5 + LongestMessage && body[0] == 0 && BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)) == body.Length - 5;

    private static byte[] Body(Draws draws, byte[] message) => draws.Next(7) switch
    {
        0 => draws.Bytes(draws.Next(30)),
        1 => Frame((byte)draws.Next(256), message),
        2 => Frame(0, message, draws.Pick<uint>([0, 1, 5, 0x20001, 0x7fffffff, 0x80000000, 0xffffffff])),
        3 => Frame(0, draws.Bytes(draws.Pick<int>([0, 1, 1000, LongestMessage, LongestMessage + 1]))),
        4 => [.. Frame(0, message), .. Frame(0, message)],
        5 => Frame(0, message)[..draws.Next(message.Length + 5)],
        _ => [.. Frame(0, message), .. draws.Bytes(draws.Between(1, 10))],
    };

    /// <summary>OK, a reason of section 13, or null for what HTTP, or gRPC about methods and deadlines, says by itself.</summary>
    private async Task<string?> SendAsync(string call, byte[] body, Action<HttpRequestMessage> change, string what)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/custodian.v1.Custody/{call}") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.Add("te", "trailers");
        request.Headers.Add("authorization", $"Bearer {_attacked.Realm.Issuer.TokenFor(_attacked.Node.NodeId, "an odd one")}");
        request.Version = HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        change(request);
        try
        {
            using HttpResponseMessage answer = await _http.SendAsync(request);
            await answer.Content.ReadAsByteArrayAsync();
            return Read(answer, what);
        }
        catch (HttpRequestException)
        {
            // The stream or the connection was ended, as RFC 9113 has it for what breaks its limits, or the client's own library knows the
            // node's limits by then. That the node is there, the next call tells.
            return null;
        }
    }

    private static string? Read(HttpResponseMessage answer, string what)
    {
        Assert.True((int)answer.StatusCode is 200 or (>= 400 and < 500), $"HTTP {(int)answer.StatusCode}, for {what}");
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            // Not gRPC's method or content type: the one place where gRPC itself may add INTERNAL.
            return null;
        }

        string text = Trailer(answer, "grpc-status") ?? throw new InvalidDataException($"no gRPC status, for {what}");
        var status = (StatusCode)int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(status is not StatusCode.Unknown, $"UNKNOWN, for {what}");
        return status switch
        {
            StatusCode.OK => "OK",
            StatusCode.Unimplemented or StatusCode.DeadlineExceeded => null,
            _ => Documented.Refusal(status, Details(answer), what),
        };
    }

    private static byte[]? Details(HttpResponseMessage answer) => Trailer(answer, "grpc-status-details-bin") is { } text
        ? Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='))
        : null;

    private static string? Trailer(HttpResponseMessage answer, string name) =>
        answer.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? values) || answer.Headers.TryGetValues(name, out values)
            ? values.Single()
            : null;
}
