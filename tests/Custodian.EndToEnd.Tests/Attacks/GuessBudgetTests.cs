using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// The arithmetic of protocol.md section 1, counted: how many secrets someone can try at a record of n nodes, of which a majority recovers,
/// and ten attempts, with the user's tokens and so many nodes in their own hands.
/// </summary>
[Collection(AttackedNodes.Collection)]
public sealed class GuessBudgetTests(AttackedNodes nodes, ITestOutputHelper output)
{
    private Realm Realm => nodes.Realm;

    [Theory]
    [InlineData(5, 0, 0, 16)]
    [InlineData(5, 1, 0, 20)]
    [InlineData(5, 2, 0, 30)]
    [InlineData(5, 0, 3, 11)]
    [InlineData(5, 1, 3, 14)]
    [InlineData(3, 0, 0, 15)]
    public async Task Guess_TokensAndWholeNodes_AreAsManyAsTheArithmeticAllows(int n, int whole, int usedBefore, int expected)
    {
        await using var fronts = new Fronts();
        WholeNode[] own = [.. await Task.WhenAll(Enumerable.Range(0, whole).Select(i => fronts.TakeOverAsync(Realm, i)))];
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync(among: n);
        enrolled.Dispose();
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Realm.Nodes[n - 1]);
        NodeProcess[] others = [.. Realm.Nodes.Take(n).Skip(whole)];
        foreach (NodeProcess node in others)
        {
            await EvaluateAsync(thief, node, header, usedBefore);
        }

        int guesses = await GuessAsync(thief, header, own, others, "guess");

        output.WriteLine($"{whole} whole nodes of {n}, {usedBefore} attempts used before: {guesses} guesses");
        Assert.Equal(others.Length * (10 - usedBefore) / (header.Threshold - whole), guesses);
        Assert.Equal(expected, guesses);
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

    /// <summary>Where the line is: t whole nodes need nobody, and no attempt is counted. threat-model.md names this among the residual risks.</summary>
    [Fact]
    public async Task ResidualRisk_ThreeWholeNodes_GuessWithoutAskingAnyNodeUntilTheSecretIsFound()
    {
        await using var fronts = new Fronts();
        WholeNode[] own = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(i => fronts.TakeOverAsync(Realm, i)))];
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync(o => o.MaxAttempts = 1);
        enrolled.Dispose();
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(Realm.Nodes[4]);

        string? found = Enumerable.Range(0, 11).Select(i => $"guess {i}").Append(AttackedNodes.Secret).FirstOrDefault(IsRight);

        Assert.Equal(AttackedNodes.Secret, found);
        Assert.All(await thief.UsedAsync(header), used => Assert.Equal(0U, used));

        bool IsRight(string guess)
        {
            using SecretBytes stretched = Thief.Stretch(guess, header);
            return Thief.Opens(header, [.. own.Select(n => (n.Real, n.ShareOf(thief.Account, header, stretched)))]);
        }
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

    /// <summary>The nodes that a test has taken over, given back in the end.</summary>
    private sealed class Fronts : IAsyncDisposable
    {
        private readonly List<LyingNode> _fronts = [];

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
