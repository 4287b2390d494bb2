using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client.Tests;

/// <summary>
/// A set of scripted nodes, and clients of it. In the end, every warning that a client logged must be one that the test expects.
/// </summary>
internal sealed class ScriptedSet : IAsyncDisposable
{
    private readonly List<CustodianClient> _clients = [];
    private readonly RecordedLogs _logs = new();
    private ImmutableArray<ScriptedNode> _nodes = [];

    private ScriptedSet(int threshold) => Threshold = threshold;

    internal static SetId Id { get; } = SetId.Parse("test-set");

    internal int Threshold { get; }

    internal IReadOnlyList<ScriptedNode> Nodes => _nodes;

    internal RecordedLogs Logs => _logs;

    /// <summary>Warnings the test expects, by a part of their text.</summary>
    internal List<string> ExpectedWarnings { get; } = [];

    internal string Subject { get; set; } = "user-1";

    internal AccountId Account => AccountId.Derive(Id, TestTokens.Issuer, Subject);

    internal ScriptedNode this[int node] => Nodes[node];

    internal static async Task<ScriptedSet> StartAsync(int nodes = 5, int threshold = 3)
    {
        ScriptedSet set = new(threshold);
        set._nodes = [.. await Task.WhenAll(Enumerable.Range(1, nodes).Select(i => ScriptedNode.StartAsync($"node-{i}", Id)))];
        return set;
    }

    /// <summary>The set as a client knows it.</summary>
    internal CustodianSet Custodians(params int[] retired) => CustodianSet.Create(
        Id,
        Threshold,
        Nodes.Select((n, i) => new CustodianNode
        {
            Id = n.Id,
            Region = $"region-{i}",
            Operator = $"operator-{i}",
            Address = n.Address,
            Retired = retired.Contains(i),
            Pins = [TestCertificate.Pin(n.Certificate)],
        }));

    /// <summary>A client as a device that has nothing would build it.</summary>
    internal CustodianClient NewClient(Action<CustodianClientOptions>? configure = null, CustodianSet? custodians = null)
    {
        string subject = Subject;
        CustodianClientOptions options = new()
        {
            Token = (node, _) => ValueTask.FromResult(TestTokens.For(node.Value, subject)),
            Stretching = new StretchingCost(19456, 1, 1),
            RetryDelay = TimeSpan.FromMilliseconds(10),

            // A test waits for what it is about, and not for a machine that is busy with others.
            ConnectTimeout = TimeSpan.FromSeconds(30),
            AttemptTimeout = TimeSpan.FromSeconds(60),
            SlowNodeGrace = TimeSpan.FromSeconds(30),
            Patience = TimeSpan.FromSeconds(60),
            LoggerFactory = _logs,
        };
        configure?.Invoke(options);
        CustodianClient client = new(custodians ?? Custodians(), options);
        _clients.Add(client);
        return client;
    }

    /// <summary>Enrols with a client of its own, and returns the owner key.</summary>
    internal async Task<SecretBytes> EnrolAsync(byte[] key, string secret)
    {
        await using CustodianClient client = NewClient();
        using EnrollResult enrolled = await client.EnrollAsync(key, secret, new EnrollOptions { Label = "test key" });
        byte[] ownerKey = new byte[enrolled.OwnerKey.Length];
        enrolled.OwnerKey.CopyTo(ownerKey);
        return new SecretBytes(ownerKey);
    }

    /// <summary>The user's records at a node.</summary>
    internal AccountAtNode At(int node) => Nodes[node].Rules.Account(Account);

    public async ValueTask DisposeAsync()
    {
        foreach (CustodianClient client in _clients)
        {
            await client.DisposeAsync();
        }

        foreach (ScriptedNode node in Nodes)
        {
            await node.DisposeAsync();
        }

        string[] unexpected = [.. _logs.Warnings.Where(w => !ExpectedWarnings.Any(w.Contains))];
        Assert.True(unexpected.Length == 0, "unexpected warnings: " + string.Join("; ", unexpected));
    }
}
