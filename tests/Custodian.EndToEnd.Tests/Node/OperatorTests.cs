using System.Net;
using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>What an operator and a load balancer ask a node.</summary>
[Collection(SingleNode.Collection)]
public sealed class OperatorTests(SingleNode one)
{
    /// <summary>HealthCheckResponse { status: SERVING }.</summary>
    private static readonly byte[] Serving = [8, 1];

    private static readonly Marshaller<byte[]> Bytes = new(
        (message, context) => context.Complete(message), context => context.PayloadAsNewBuffer());

    private static readonly Method<byte[], byte[]> HealthCheck = new(MethodType.Unary, "grpc.health.v1.Health", "Check", Bytes, Bytes);

    private string Listen => $"listen={new Uri(one.Node.Address).Authority}";

    [Fact]
    public async Task Status_WhileItServes_SaysWhatItHolds()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync();
        using (caller)
        using (record)
        {
            JsonNode status = JsonNode.Parse(Expect.Success(await one.Node.RunAsync("status", "--json", "--override", Listen)).Output)!;

            Assert.Equal((one.Node.NodeId, "ready"), ((string?)status["node_id"], (string?)status["serving"]));
            Assert.True((int)status["records"]!["ACTIVE"]! >= 1);
            Assert.True((int)status["audit_entries"]! >= 2);
        }
    }

    [Fact]
    public async Task Status_NothingAnswers_ExitsWith4()
    {
        ProcessOutcome outcome = await one.Node.RunAsync("status", "--override", "listen=127.0.1.1:1");

        Expect.ExitCode(4, outcome);
        Expect.Says("no answer", outcome);
    }

    [Fact]
    public async Task CommandLine_WrongOrIncomplete_IsOneLineThatNamesTheHelp()
    {
        ProcessOutcome outcome = Expect.ExitCode(2, await one.Node.RunAsync("account", "show", "--sett", "acme"));

        Assert.Equal("", outcome.Output);
        Assert.Equal(1, outcome.Error.Count(c => c == '\n'));
        Expect.Says("option '--set' is required", outcome);
        Expect.Says("see custodian account show --help", outcome);
    }

    [Fact]
    public async Task Serve_WhereAnotherProcessListens_SaysSoWithoutAStack()
    {
        ProcessOutcome outcome = Expect.ExitCode(1, await one.Node.RunAsync("serve", "--override", Listen));

        Expect.Says($"another process listens at {Listen["listen=".Length..]}", outcome);
        Assert.DoesNotContain("   at ", outcome.All, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_HsmThatDoesNotOpen_SaysStillWhetherTheNodeServes()
    {
        ProcessOutcome outcome = Expect.ExitCode(1, await one.Node.RunAsync("status", "--override", Listen, "--override", "hsm:token=elsewhere"));

        Expect.Says("serving: ready", outcome);
        Expect.Says("the HSM's token 'elsewhere' does not work", outcome);
    }

    [Theory]
    [InlineData("livez", "live\n")]
    [InlineData("readyz", "ready\n")]
    public async Task Probe_OfAWellNode_AnswersOk(string path, string expected)
    {
        using var handler = new SocketsHttpHandler { SslOptions = RawCaller.Trust(one.Realm.CaFile) };
        using var http = new HttpClient(handler);

        using HttpResponseMessage response = await http.GetAsync(new Uri(new Uri(one.Node.Address), path));

        Assert.Equal((HttpStatusCode.OK, expected), (response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Health_OfAWellNode_IsServingWithoutAToken()
    {
        using RawCaller caller = one.CallerWith(() => null);

        byte[] answer = await caller.Channel.CreateCallInvoker().AsyncUnaryCall(HealthCheck, null, default, []);

        Assert.Equal(Serving, answer);
    }
}
