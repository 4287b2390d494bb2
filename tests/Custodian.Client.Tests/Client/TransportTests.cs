using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Custodian.Protocol;
using Microsoft.Extensions.DependencyInjection;

namespace Custodian.Client.Tests;

/// <summary>One node alone, asked to describe: what the connection allows, and how it says what is wrong.</summary>
public sealed class TransportTests
{
    private static readonly SetId Id = SetId.Parse("test-set");

    [Fact]
    public async Task Describe_PinnedSelfSignedCertificate_IsTrusted() =>
        Assert.Equal(NodeOutcome.Answered, await DescribeAsync(TestCertificate.SelfSigned(), (node, c) => node with { Pins = [TestCertificate.Pin(c)] }));

    [Fact]
    public async Task Describe_CertificateOfTheSetsAuthority_IsTrusted()
    {
        using X509Certificate2 authority = TestCertificate.Authority();

        Assert.Equal(
            NodeOutcome.Answered,
            await DescribeAsync(TestCertificate.IssuedBy(authority), (node, _) => node with { Authorities = [authority] }));
    }

    [Fact]
    public async Task Describe_CertificateOffThePins_SaysSo() => AssertUntrusted(
        "the key of its certificate is not one of the pinned ones",
        await DescribeAsync(TestCertificate.SelfSigned(), (node, _) => node with { Pins = [Convert.ToBase64String(new byte[32])] }));

    [Fact]
    public async Task Describe_CertificateOfNoKnownRoot_SaysSo()
    {
        using X509Certificate2 authority = TestCertificate.Authority();

        AssertUntrusted(
            "its certificate leads to no root that this system trusts",
            await DescribeAsync(TestCertificate.IssuedBy(authority), (node, _) => node));
    }

    [Fact]
    public async Task Describe_CertificateOfAnotherAuthority_SaysSo()
    {
        using X509Certificate2 authority = TestCertificate.Authority("CN=another authority");
        using X509Certificate2 own = TestCertificate.Authority();

        AssertUntrusted(
            "its certificate does not lead to the authorities of the set",
            await DescribeAsync(TestCertificate.IssuedBy(authority), (node, _) => node with { Authorities = [own] }));
    }

    [Fact]
    public async Task Describe_SelfSignedCertificate_SaysSo()
    {
        using X509Certificate2 authority = TestCertificate.Authority();

        AssertUntrusted(
            "its certificate is self-signed, which this system does not trust", await DescribeAsync(TestCertificate.SelfSigned(), (node, _) => node));
        AssertUntrusted(
            "its certificate is self-signed, and none of the authorities of the set",
            await DescribeAsync(TestCertificate.SelfSigned(), (node, _) => node with { Authorities = [authority] }));
    }

    [Fact]
    public async Task Describe_PinnedCertificateForAnotherName_SaysSo() => AssertUntrusted(
        "its certificate is not for 127.0.0.1",
        await DescribeAsync(TestCertificate.SelfSigned("other.example"), (node, c) => node with { Pins = [TestCertificate.Pin(c)] }));

    [Fact]
    public async Task Describe_PinnedCertificateThatExpired_SaysSo() => AssertUntrusted(
        "its certificate expired on",
        await DescribeAsync(
            TestCertificate.SelfSigned(endsAfter: TimeSpan.FromDays(1)), (node, c) => node with { Pins = [TestCertificate.Pin(c)] }));

    [Fact]
    public async Task Describe_PinAndAuthorityAndOnlyTheAuthorityFits_IsNotTrusted()
    {
        using X509Certificate2 authority = TestCertificate.Authority();

        AssertUntrusted(
            "pinned",
            await DescribeAsync(
                TestCertificate.IssuedBy(authority),
                (node, _) => node with { Authorities = [authority], Pins = [Convert.ToBase64String(new byte[32])] }));
    }

    [Fact]
    public async Task Describe_NothingListens_IsUnreachable()
    {
        using TcpListener reserved = new(IPAddress.Loopback, 0);
        reserved.Start();
        int port = ((IPEndPoint)reserved.LocalEndpoint).Port;
        reserved.Stop();

        NodeOutcome outcome = await DescribeAtAsync(new Uri($"https://127.0.0.1:{port}"), node => node);

        Assert.Equal(NodeCondition.Unreachable, outcome.Condition);
    }

    [Fact]
    public async Task Describe_NodeNeverFinishesTheHandshake_TimesOut()
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();

        NodeOutcome outcome = await DescribeAtAsync(
            new Uri($"https://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}"),
            node => node,
            options => (options.ConnectTimeout, options.MaxRetries) = (TimeSpan.FromMilliseconds(200), 1));

        Assert.Equal(NodeCondition.TimedOut, outcome.Condition);
    }

    [Fact]
    public async Task Describe_NodeNeverAnswers_TimesOut()
    {
        await using ScriptedNode node = await ScriptedNode.StartAsync("node-1", Id);
        node.Script.Hang("Describe");

        NodeOutcome outcome = await DescribeAtAsync(
            node.Address,
            n => n with { Pins = [TestCertificate.Pin(node.Certificate)] },
            options => (options.AttemptTimeout, options.MaxRetries) = (TimeSpan.FromMilliseconds(300), 1));

        Assert.Equal(NodeCondition.TimedOut, outcome.Condition);
        Assert.InRange(node.Script.Count("Describe"), 1, 2);
    }

    [Fact]
    public async Task Describe_NodeIsBackAfterAnOutage_IsReachedAtOnce()
    {
        await using ScriptedNode node = await ScriptedNode.StartAsync("node-1", Id);
        await using CustodianClient client = Client(
            node.Address, n => n with { Pins = [TestCertificate.Pin(node.Certificate)] }, options => options.MaxRetries = 0);
        await client.DescribeAsync();
        await node.StopAsync();
        AccountDescription down = await client.DescribeAsync();
        await node.StartAsync();

        AccountDescription up = await client.DescribeAsync();

        Assert.Equal(NodeCondition.Unreachable, Assert.Single(down.Nodes).Value.Condition);
        Assert.Equal(NodeCondition.Answered, Assert.Single(up.Nodes).Value.Condition);
    }

    [Fact]
    public async Task Describe_StatusWithoutAReason_IsFaultyAndNotTriedAgain()
    {
        await using ScriptedNode node = await ScriptedNode.StartAsync("node-1", Id);
        node.Script.Before = (_, _) => throw new Grpc.Core.RpcException(new Grpc.Core.Status(Grpc.Core.StatusCode.DataLoss, "inner text"));

        NodeOutcome outcome = await DescribeAtAsync(node.Address, n => n with { Pins = [TestCertificate.Pin(node.Certificate)] });

        Assert.Equal(NodeCondition.Faulty, outcome.Condition);
        Assert.DoesNotContain("inner text", outcome.Explanation, StringComparison.Ordinal);
        Assert.Equal(1, node.Script.Count("Describe"));
    }

    [Fact]
    public async Task AddCustodianClient_Resolved_IsOneClientWithTheServicesLogs()
    {
        await using ScriptedNode node = await ScriptedNode.StartAsync("node-1", Id);
        RecordedLogs logs = new();
        CustodianSet set = Custodians(node.Address, n => n with { Pins = [Convert.ToBase64String(new byte[32])] });
        await using ServiceProvider services = new ServiceCollection()
            .AddSingleton<Microsoft.Extensions.Logging.ILoggerFactory>(logs)
            .AddCustodianClient(set, options => options.Token = Token)
            .BuildServiceProvider();

        CustodianClient client = services.GetRequiredService<CustodianClient>();
        await client.DescribeAsync();

        Assert.Same(client, services.GetRequiredService<CustodianClient>());
        Assert.Contains(logs.All, text => text.Contains("pinned", StringComparison.Ordinal));
    }

    [Fact]
    public void Client_WithoutTokenOrOutOfRange_IsRefused()
    {
        CustodianSet set = Custodians(new Uri("https://127.0.0.1:9"), n => n);

        Assert.Throws<ArgumentException>(() => new CustodianClient(set, new CustodianClientOptions()));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new CustodianClient(set, new CustodianClientOptions { Token = Token, MaxAttempts = 101 }));
        Assert.Throws<ArgumentException>(
            () => new CustodianClient(set, new CustodianClientOptions { Token = Token, Stretching = new StretchingCost(1024, 1, 1) }));
    }

    private static void AssertUntrusted(string why, NodeOutcome outcome)
    {
        Assert.Equal(NodeCondition.Untrusted, outcome.Condition);
        Assert.Contains(why, outcome.Explanation, StringComparison.Ordinal);
    }

    private static async Task<NodeOutcome> DescribeAsync(
        X509Certificate2 certificate, Func<CustodianNode, X509Certificate2, CustodianNode> trust)
    {
        using (certificate)
        {
            await using ScriptedNode node = await ScriptedNode.StartAsync("node-1", Id, certificate);
            return await DescribeAtAsync(node.Address, n => trust(n, certificate));
        }
    }

    private static async Task<NodeOutcome> DescribeAtAsync(
        Uri address, Func<CustodianNode, CustodianNode> edit, Action<CustodianClientOptions>? configure = null)
    {
        await using CustodianClient client = Client(address, edit, configure);
        return Assert.Single((await client.DescribeAsync()).Nodes).Value;
    }

    private static CustodianClient Client(
        Uri address, Func<CustodianNode, CustodianNode> edit, Action<CustodianClientOptions>? configure)
    {
        CustodianClientOptions options = new() { Token = Token, RetryDelay = TimeSpan.FromMilliseconds(5) };
        configure?.Invoke(options);
        return new CustodianClient(Custodians(address, edit), options);
    }

    private static CustodianSet Custodians(Uri address, Func<CustodianNode, CustodianNode> edit) => CustodianSet.Create(
        Id, 1, [edit(new CustodianNode { Id = NodeId.Parse("node-1"), Region = "r", Operator = "o", Address = address })]);

    private static ValueTask<string> Token(NodeId node, CancellationToken cancellation) =>
        ValueTask.FromResult(TestTokens.For(node.Value, "user-1"));
}
