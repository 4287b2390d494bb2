using Xunit.Abstractions;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>
/// protocol.md section 14: at no instant is there a state in which neither the old nor the new secret recovers. The part walks the sets of
/// up to two or three nodes and one larger one that is drawn; the whole walks all of up to five, and says where it gave up at a number of
/// states before it was through.
/// </summary>
public sealed class EveryStateTests(ITestOutputHelper output)
{
    private static readonly Wish[] s_changes = [Wish.Replace, Wish.Change, Wish.Delete, Wish.DeleteOwned, Wish.Recover];

    private static readonly (int Nodes, int Threshold)[] s_sizes =
        [.. from n in Enumerable.Range(1, 5) from t in Enumerable.Range(1, n) where 2 * t > n select (n, t)];

    public static TheoryData<int, int> SmallSizes => Sizes(3);

    public static TheoryData<int, int> DisplacingSizes => Sizes(Effort.Times(2, 3));

    public static TheoryData<int, int> PairSizes => Sizes(Effort.Times(2, 5));

    public static TheoryData<int, int> EnrolmentSizes => Sizes(Effort.Times(3, 5));

    [Theory]
    [MemberData(nameof(SmallSizes))]
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
    public void OneDevice_LargerSets_OldOrNewSecretRecoversWithAnyNodesLost()
    {
        (int, int)[] larger = [.. s_sizes.Where(s => s.Nodes > 3)];
        foreach ((int n, int t) in Effort.IsWhole ? larger : [new Draws("larger sets").Pick(larger)])
        {
            foreach (Wish wish in Effort.IsWhole ? s_changes : [Wish.Replace, Wish.Recover])
            {
                AssertKept(n, t, new ClientRules(), wish);
            }
        }
    }

    [Theory]
    [MemberData(nameof(PairSizes))]
    public void TwoDevices_EveryFaultAtEveryStep_OldOrNewSecretRecovers(int n, int t)
    {
        foreach ((Wish first, Wish second) in from i in Enumerable.Range(0, s_changes.Length)
                                              from j in Enumerable.Range(i, s_changes.Length - i)
                                              where Effort.IsWhole || n == 1 || i != 1 || j > 2
                                              select (s_changes[i], s_changes[j]))
        {
            AssertKept(n, t, new ClientRules(), first, second);
        }
    }

    [Theory]
    [MemberData(nameof(EnrolmentSizes))]
    public void TwoFirstEnrolments_EveryFaultAtEveryStep_WhatIsInEffectRecoversAndTheNextIsPossible(int n, int t) =>
        AssertKept(n, t, new ClientRules(), Wish.Enrol, Wish.Enrol);

    /// <summary>
    /// ReplacePending displaces what may be taking effect at that moment. It can leave either at too few nodes to recover, and where one
    /// took effect nobody else can enrol; but what was reported to be in effect stays.
    /// </summary>
    [Theory]
    [MemberData(nameof(DisplacingSizes))]
    public void FirstEnrolmentAndOneThatReplacesPending_EveryFaultAtEveryStep_WhatIsReportedInEffectRecovers(int n, int t) =>
        AssertKept(n, t, new ClientRules(), Wish.Enrol, Wish.EnrolDisplacing);

    [Fact]
    public void TwoFirstEnrolments_WhatIsPendingIsDisplacedAtOnce_IsCaught() =>
        AssertCaught(2, 2, new ClientRules { DisplacesAtOnce = true }, "no secret recovers, and nobody can enrol", Wish.Enrol, Wish.Enrol);

    [Fact]
    public void TwoDevices_RetireAsSoonAsOneNodeActivated_IsCaught() =>
        AssertCaught(3, 3, new ClientRules { ToRetire = (_, _) => 1 }, "neither the old nor a new secret recovers", Wish.Replace, Wish.Replace);

    private void AssertKept(int n, int t, ClientRules rules, params Wish[] wishes)
    {
        Exploration found = Explore(n, t, rules, wishes);
        Assert.True(found.Broken is null, $"n={n} t={t} {string.Join('/', wishes)}{(rules.IsPartial ? " partial" : "")}: {found.Broken}");
        Assert.True(found.IsWhole || (n > 2 && wishes.Length > 1), "too many states");
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
        Errand[] errands = [.. wishes.Select((w, i) => new Errand($"{(char)('A' + i)}", w, w is Wish.Enrol or Wish.EnrolDisplacing ? null : first))];
        Explorer explorer = new(world, client) { MostLosses = MostLosses(n, wishes) };
        Exploration found = explorer.Run(account, errands, (accounts, stages) => Broken(promises, accounts, stages, first, rules));
        output.WriteLine(
            $"n={n} t={t} {string.Join('/', wishes)}{(rules.IsPartial ? " partial" : "")}: {found.States} states, {found.Steps} steps, "
            + $"{world.Decisions} decisions{(found.IsWhole || found.Broken is not null ? "" : ", NOT WHOLE")}; {string.Join(", ", found.Ends.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key} {e.Value}"))}");
        return found;
    }

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

    /// <summary>
    /// A device alone loses any number of messages, and so do two on their first enrolments in the whole. Of two others each loses one, or
    /// the states would be tens of millions; either may still crash anywhere.
    /// </summary>
    private static int MostLosses(int n, Wish[] wishes) =>
        wishes.Length == 1 || n == 1 || (n <= Effort.Times(2, 3) && wishes[0] == Wish.Enrol) ? int.MaxValue : 1;

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
