using Custodian.Client;
using Custodian.Client.Tests;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>The client itself, against scripted nodes, asks each of them what the model of it asks, in the same order.</summary>
public sealed class CallSequenceTests
{
    private const int Nodes = 3;
    private const int Threshold = 2;
    private static readonly byte[] s_key = RepeatableBytes.Of("private key", 64);

    [Fact]
    public async Task Enrol_RealClientAndModel_MakeTheSameCalls()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(Nodes, Threshold);
        using EnrollResult enrolled = await set.NewClient().EnrollAsync(s_key, "old");
        Assert.True(enrolled.IsComplete);
        AssertSame(set, Wish.Enrol);
    }

    [Fact]
    public async Task Change_RealClientAndModel_MakeTheSameCalls()
    {
        await using ScriptedSet set = await EnrolledAsync();
        using EnrollResult changed = await set.NewClient().ChangeSecretAsync("old", "new");
        Assert.True(changed.IsComplete);
        AssertSame(set, Wish.Change);
    }

    [Fact]
    public async Task Replace_RealClientAndModel_MakeTheSameCalls()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(Nodes, Threshold);
        using SecretBytes ownerKey = await set.EnrolAsync(s_key, "old");
        Forget(set);
        using EnrollResult replaced = await set.NewClient().ReplaceAsync(ownerKey, s_key, "new");
        Assert.True(replaced.IsComplete);
        AssertSame(set, Wish.Replace);
    }

    [Fact]
    public async Task Recover_RealClientAndModel_MakeTheSameCalls()
    {
        await using ScriptedSet set = await EnrolledAsync();
        using RecoverResult recovered = await set.NewClient().RecoverAsync("old");
        await recovered.Settlement;
        AssertSame(set, Wish.Recover);
    }

    [Fact]
    public async Task Delete_RealClientAndModel_MakeTheSameCalls()
    {
        await using ScriptedSet set = await EnrolledAsync();
        await set.NewClient().DeleteAsync("old");
        AssertSame(set, Wish.Delete);
    }

    private static async Task<ScriptedSet> EnrolledAsync()
    {
        ScriptedSet set = await ScriptedSet.StartAsync(Nodes, Threshold);
        using SecretBytes ownerKey = await set.EnrolAsync(s_key, "old");
        Forget(set);
        return set;
    }

    private static void Forget(ScriptedSet set)
    {
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Calls.Clear();
        }
    }

    private static void AssertSame(ScriptedSet set, Wish wish)
    {
        // The model leaves Prepare out where every node is needed; with a partial enrolment allowed, it asks for it.
        World world = new(Nodes, Threshold);
        Promises promises = new(world, new ClientModel(world, new ClientRules { IsPartial = true }));
        int[] accounts = [.. Enumerable.Repeat(world.Empty, Nodes)];
        Paper? given = null;
        if (wish != Wish.Enrol)
        {
            (accounts, Stage enrolled) = promises.Calmly(accounts, new Errand("O", Wish.Enrol));
            given = enrolled.Mine;
        }

        List<string>[] calls = [[], [], []];
        promises.Calmly(accounts, new Errand("A", wish, given), (node, call) => calls[node].Add(call.Kind.ToString()));
        for (int i = 0; i < Nodes; i++)
        {
            Assert.Equal(InOrder(calls[i], wish), InOrder(set[i].Script.Calls, wish));
        }
    }

    // A recovery goes on before everybody has described, and what it sends next may overtake a Describe, which changes nothing at a node. All
    // else waits for everybody.
    private static IEnumerable<string> InOrder(IEnumerable<string> calls, Wish wish) =>
        wish == Wish.Recover ? calls.OrderByDescending(call => call == nameof(CallKind.Describe)) : calls;
}
