using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// The arithmetic of protocol.md section 1, counted: how many secrets someone can try at a record of so many nodes and ten attempts, with the
/// user's tokens and so many nodes in their own hands.
/// </summary>
[Collection(AttackedNodes.Collection)]
public sealed class GuessBudgetTests(AttackedNodes nodes, ITestOutputHelper output)
{
    private Realm Realm => nodes.Realm;

    [Theory]
    [InlineData(0, 0, 16)]
    [InlineData(1, 0, 20)]
    [InlineData(2, 0, 30)]
    [InlineData(0, 3, 11)]
    [InlineData(1, 3, 14)]
    public async Task Guess_TokensAndWholeNodes_AreAsManyAsTheArithmeticAllows(int whole, int usedBefore, int expected)
    {
        await using var fronts = new Fronts();
        WholeNode[] own = [.. await Task.WhenAll(Enumerable.Range(0, whole).Select(i => fronts.TakeOverAsync(Realm, i)))];
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Realm.Nodes[4]);
        NodeProcess[] others = [.. Realm.Nodes.Skip(whole)];
        foreach (NodeProcess node in others)
        {
            await EvaluateAsync(thief, node, header, usedBefore);
        }

        int guesses = await GuessAsync(thief, header, own, others, "guess");

        output.WriteLine($"{whole} whole nodes, {usedBefore} attempts used before: {guesses} guesses");
        Assert.Equal(others.Length * (10 - usedBefore) / (3 - whole), guesses);
        Assert.Equal(expected, guesses);
    }

    [Fact]
    public async Task Guess_TokensForThreeNodesOfWhichTwoRecover_AreFifteenAndEachEvaluationIsInTheAuditLogs()
    {
        CustodianSet all = CustodianSet.Load(Realm.SetFile);
        var set = CustodianSet.Create(all.Id, 2, all.Nodes.Take(3));
        NodeProcess[] three = [.. Realm.Nodes.Take(3)];
        string subject = Realm.NewSubject();
        await using (CustodianClient device = Realm.Client(subject, set: set))
        {
            (await device.EnrollAsync(AttackedNodes.Key, AttackedNodes.Secret)).Dispose();
        }

        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(three[0]);

        int guesses = await GuessAsync(thief, header, [], three, "guess");

        Assert.Equal((2, 3, 15), (header.Threshold, header.Participants.Length, guesses));
        int[] charged = await Task.WhenAll(three.Select(n => ChargedAsync(n, subject)));
        Assert.Equal([10, 10, 10], charged);
        Assert.Equal(guesses * header.Threshold, charged.Sum());
    }

    [Fact]
    public async Task Guess_AsManyWholeNodesAsRecover_IsOfflineAndNobodyCounts()
    {
        await using var fronts = new Fronts();
        WholeNode[] own = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(i => fronts.TakeOverAsync(Realm, i)))];
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync(o => o.MaxAttempts = 1);
        enrolled.Dispose();
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Realm.Nodes[4]);
        using SecretBytes wrong = Thief.Stretch("guess", header);
        using SecretBytes right = Thief.Stretch(AttackedNodes.Secret, header);
        int calls = fronts.Calls;

        for (int guess = 0; guess < 30; guess++)
        {
            Assert.False(Opens(wrong), "a wrong secret opened the record");
        }

        Assert.True(Opens(right), "what is counted here is no guess: the right secret does not open the record");
        Assert.Equal(calls, fronts.Calls);
        Assert.All(await thief.UsedAsync(header), used => Assert.Equal(0U, used));

        bool Opens(SecretBytes stretched) =>
            Thief.Opens(header, [.. own.Select(n => (n.Real, n.ShareOf(thief.Account, header, stretched)))]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Guess_TheLastOneIsRight_OpensTheRecord(int whole)
    {
        await using var fronts = new Fronts();
        WholeNode[] own = [.. await Task.WhenAll(Enumerable.Range(0, whole).Select(i => fronts.TakeOverAsync(Realm, i)))];
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync(o => o.MaxAttempts = 1);
        enrolled.Dispose();
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Realm.Nodes[4]);

        using SecretBytes right = Thief.Stretch(AttackedNodes.Secret, header);
        bool opened = await TryAsync(thief, header, right, own, [.. Realm.Nodes.Skip(whole)]) == true;

        Assert.True(opened, "what is counted here is no guess: the right secret does not open the record");
    }

    /// <summary>Guesses, evenly over the nodes that count, until one more cannot be evaluated; how many could.</summary>
    private static async Task<int> GuessAsync(Thief thief, Header header, WholeNode[] own, NodeProcess[] others, string wrong)
    {
        using SecretBytes stretched = Thief.Stretch(wrong, header);
        var left = new Queue<NodeProcess>(others);
        for (int guesses = 0; ; guesses++)
        {
            if (await TryAsync(thief, header, stretched, own, left) is not { } opened)
            {
                return guesses;
            }

            Assert.False(opened, "a wrong secret opened the record");
        }
    }

    /// <summary>
    /// One guess, with the attacker's own nodes and as many of the others as it takes: those that have been asked least come first, for no
    /// other order gives more. Null when too few of them have an attempt left.
    /// </summary>
    private static async Task<bool?> TryAsync(
        Thief thief, Header header, SecretBytes stretched, WholeNode[] own, IReadOnlyCollection<NodeProcess> others)
    {
        List<(NodeProcess Node, byte[] Share)> shares = [.. own.Select(n => (n.Real, n.ShareOf(thief.Account, header, stretched)))];
        uint[] used = await thief.UsedAsync(header);
        foreach (NodeProcess node in others.OrderBy(n => used[IndexOf(n)]))
        {
            if (shares.Count < header.Threshold && await thief.ShareAsync(node, header, stretched) is { } share)
            {
                shares.Add((node, share));
            }
        }

        return shares.Count == header.Threshold ? Thief.Opens(header, shares) : null;

        int IndexOf(NodeProcess node) => header.Participants.Single(p => p.Node.Value == node.NodeId).Index - 1;
    }

    private static async Task EvaluateAsync(Thief thief, NodeProcess node, Header header, int times)
    {
        using SecretBytes stretched = Thief.Stretch("an earlier guess", header);
        for (int i = 0; i < times; i++)
        {
            Assert.NotNull(await thief.ShareAsync(node, header, stretched));
        }
    }

    /// <summary>How many evaluations a node's audit log says were charged.</summary>
    private async Task<int> ChargedAsync(NodeProcess node, string subject)
    {
        ProcessOutcome audit = Expect.Success(await node.RunAsync(
            "audit", "--json", "--set", Realm.SetId, "--issuer", Realm.Issuer.Name, "--subject", subject));
        return audit.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => (string?)JsonNode.Parse(line)!["event"] == "Charged");
    }

    /// <summary>The nodes that a test has taken over, given back in the end.</summary>
    private sealed class Fronts : IAsyncDisposable
    {
        private readonly List<LyingNode> _fronts = [];

        /// <summary>How many calls have come to them.</summary>
        internal int Calls => _fronts.Sum(f => f.Calls.Count);

        internal async Task<WholeNode> TakeOverAsync(Realm realm, int index)
        {
            LyingNode front = await LyingNode.StartAsync(realm, realm.Nodes[index]);
            lock (_fronts)
            {
                _fronts.Add(front);
            }

            return WholeNode.TakeOver(front);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (LyingNode front in _fronts)
            {
                await front.DisposeAsync();
            }
        }
    }
}
