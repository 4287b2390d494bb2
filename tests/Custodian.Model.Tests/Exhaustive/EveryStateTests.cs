using Xunit.Abstractions;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>
/// protocol.md section 14: at no instant is there a state in which neither the old nor the new secret recovers. The part walks the sets of
/// up to three nodes and a larger one that is drawn; the whole walks all of up to five.
/// </summary>
public sealed class EveryStateTests(ITestOutputHelper output)
{
    private static readonly Wish[] s_changes = [Wish.Replace, Wish.Change, Wish.Delete, Wish.DeleteOwned, Wish.Recover];

    private static readonly (int Nodes, int Threshold)[] s_sizes =
        [.. from n in Enumerable.Range(1, 5) from t in Enumerable.Range(1, n) where 2 * t > n select (n, t)];

    public static TheoryData<int, int> WalkedSizes => Sizes(Effort.Times(3, 5));

    [Theory]
    [MemberData(nameof(WalkedSizes))]
    public void OneDevice_EveryFaultAtEveryStep_OldOrNewSecretRecoversWithAnyNodesLost(int n, int t)
    {
        foreach (bool isPartial in new[] { false, true })
        {
            foreach (Wish wish in new[] { Wish.Enrol }.Concat(s_changes))
            {
                AssertKept(n, t, new ClientRules { IsPartial = isPartial }, wish);
            }
        }
    }

    [Fact]
    public void OneDevice_LargerSet_OldOrNewSecretRecoversWithAnyNodesLost()
    {
        (int n, int t) = new Draws("larger set").Pick([.. s_sizes.Where(s => s.Nodes > 3)]);
        foreach (Wish wish in s_changes)
        {
            AssertKept(n, t, new ClientRules(), wish);
        }
    }

    [Theory]
    [MemberData(nameof(WalkedSizes))]
    public void TwoDevices_EveryFaultAtEveryStep_OldOrNewSecretRecovers(int n, int t)
    {
        foreach ((Wish first, Wish second) in from i in Enumerable.Range(0, s_changes.Length)
                                              from j in Enumerable.Range(i, s_changes.Length - i)
                                              where Effort.IsWhole || n < 3 || i != 1 || j > 2
                                              select (s_changes[i], s_changes[j]))
        {
            AssertKept(n, t, new ClientRules(), first, second);
        }
    }

    [Theory]
    [MemberData(nameof(WalkedSizes))]
    public void TwoFirstEnrolments_EveryFaultAtEveryStep_WhatIsInEffectRecoversAndTheNextIsPossible(int n, int t) =>
        AssertKept(n, t, new ClientRules(), Wish.Enrol, Wish.Enrol);

    /// <summary>
    /// ReplacePending displaces what may be taking effect at that moment. It can leave either at too few nodes to recover, and where one
    /// took effect nobody else can enrol; but what was reported to be in effect stays.
    /// </summary>
    [Theory]
    [MemberData(nameof(WalkedSizes))]
    public void FirstEnrolmentAndOneThatReplacesPending_EveryFaultAtEveryStep_WhatIsReportedInEffectRecovers(int n, int t) =>
        AssertKept(n, t, new ClientRules(), Wish.Enrol, Wish.EnrolDisplacing);

    [Fact]
    public void TwoFirstEnrolments_WhatIsPendingIsDisplacedAtOnce_IsCaught() =>
        AssertCaught(2, 2, new ClientRules { DisplacesAtOnce = true }, "no secret recovers, and nobody can enrol", Wish.Enrol, Wish.Enrol);

    [Fact]
    public void TwoDevices_RetireAsSoonAsOneNodeActivated_IsCaught() =>
        AssertCaught(3, 3, new ClientRules { ToRetire = (_, _) => 1 }, "neither the old nor a new secret recovers", Wish.Replace, Wish.Replace);

    /// <summary>What the shorter walk leaves out is another order of the same: every instant of the plain one is among its ends.</summary>
    [Theory]
    [InlineData(2, 2, nameof(Wish.Enrol), nameof(Wish.EnrolDisplacing))]
    [InlineData(3, 2, nameof(Wish.Enrol), nameof(Wish.Enrol))]
    [InlineData(2, 2, nameof(Wish.Replace), nameof(Wish.Change))]
    [InlineData(3, 2, nameof(Wish.Replace), nameof(Wish.Replace))]
    [InlineData(2, 2, nameof(Wish.Change), nameof(Wish.Delete))]
    [InlineData(2, 2, nameof(Wish.Recover), nameof(Wish.DeleteOwned))]
    public void Explore_EveryOrderAndOneOfThoseAlike_ComeToTheSameInstants(int n, int t, string first, string second)
    {
        Wish[] wishes = [Enum.Parse<Wish>(first), Enum.Parse<Wish>(second)];
        HashSet<string> all = Instants(n, t, isPlain: true, wishes);
        HashSet<string> ends = Instants(n, t, isPlain: false, wishes);
        output.WriteLine($"{all.Count} instants");
        Assert.Equal(all.Order(StringComparer.Ordinal), ends.Order(StringComparer.Ordinal));
    }

    private static HashSet<string> Instants(int n, int t, bool isPlain, Wish[] wishes)
    {
        World world = new(n, t);
        ClientModel client = new(world, new ClientRules());
        (int account, Paper? first) = wishes[0] == Wish.Enrol ? (world.Empty, null) : Enrolled(world, new Promises(world, client));
        HashSet<string> instants = [];
        new Explorer(world, client) { IsPlain = isPlain }.Run(account, Errands(wishes, first), (accounts, stages) =>
        {
            instants.Add(string.Join(' ', accounts.Select(a => world.Name(world.Forget(a, true, true))).Order(StringComparer.Ordinal))
                + string.Concat(stages.Select(s => $"; {s.Mine} {s.Deletes} {s is { Step: Step.Succeeded, IsInEffect: true }}")));
            return null;
        });
        return instants;
    }

    private void AssertKept(int n, int t, ClientRules rules, params Wish[] wishes)
    {
        Exploration found = Explore(n, t, rules, wishes);
        Assert.True(found.Broken is null, $"n={n} t={t} {string.Join('/', wishes)}{(rules.IsPartial ? " partial" : "")}: {found.Broken}");
        Assert.Contains(found.Ends, end => end.Key.EndsWith(nameof(Step.Succeeded), StringComparison.Ordinal));
        Assert.Contains(found.Ends, end => end.Key.EndsWith(nameof(Step.Failed), StringComparison.Ordinal));
    }

    private void AssertCaught(int n, int t, ClientRules rules, string promise, params Wish[] wishes)
    {
        Exploration found = Explore(n, t, rules, wishes);
        output.WriteLine(found.Broken);
        Assert.StartsWith(promise, found.Broken, StringComparison.Ordinal);
    }

    private Exploration Explore(int n, int t, ClientRules rules, Wish[] wishes)
    {
        World world = new(n, t);
        ClientModel client = new(world, rules);
        Promises promises = new(world, client);
        (int account, Paper? first) = wishes[0] == Wish.Enrol ? (world.Empty, null) : Enrolled(world, promises);
        Exploration found = new Explorer(world, client)
            .Run(account, Errands(wishes, first), (accounts, stages) => Broken(promises, accounts, stages, first, rules));
        output.WriteLine(
            $"n={n} t={t} {string.Join('/', wishes)}{(rules.IsPartial ? " partial" : "")}: {found.States} states, {found.Steps} steps, "
            + $"{world.Decisions} decisions; {string.Join(", ", found.Ends.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key} {e.Value}"))}");
        return found;
    }

    private static Errand[] Errands(Wish[] wishes, Paper? first) =>
        [.. wishes.Select((w, i) => new Errand($"{(char)('A' + i)}", w, w is Wish.Enrol or Wish.EnrolDisplacing ? null : first))];

    private static string? Broken(Promises promises, int[] accounts, Stage[] stages, Paper? first, ClientRules rules)
    {
        if (promises.Broken(accounts, stages, first) is { } broken)
        {
            return broken;
        }

        bool isSingleChange = stages.Length == 1 && first is not null && !stages[0].Deletes;
        Paper[] secrets = [.. new[] { first, stages[0].Mine }.OfType<Paper>()];
        return isSingleChange ? promises.BrokenWithNodesLost(accounts, secrets, rules.IsPartial) : null;
    }

    private static (int Account, Paper? First) Enrolled(World world, Promises promises)
    {
        (int[] accounts, Stage stage) = promises.Calmly([.. Enumerable.Repeat(world.Empty, world.Nodes)], new Errand("O", Wish.Enrol));
        return (accounts[0], stage.Mine);
    }

    private static TheoryData<int, int> Sizes(int most)
    {
        TheoryData<int, int> sizes = [];
        foreach ((int n, int t) in s_sizes.Where(s => s.Nodes <= most))
        {
            sizes.Add(n, t);
        }

        return sizes;
    }
}
