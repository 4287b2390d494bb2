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

    /// <summary>What follows a change that stopped while its record was ACTIVE at some nodes only.</summary>
    private static readonly string[] s_bringing = ["BringingForward Activate", "SecondSurvey Describe"];

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

    /// <summary>
    /// Whoever has the new secret or owner key already may use it while the change is still going on, or after its device died: a recovery
    /// finishes a change, another change follows it.
    /// </summary>
    [Theory]
    [MemberData(nameof(WalkedSizes))]
    public void ChangeAndOneGivenItsNewRecord_EveryFaultAtEveryStep_OldOrNewSecretRecovers(int n, int t)
    {
        HashSet<string> calls = [];
        foreach ((Wish first, Wish second) in from first in s_changes.Take(2)
                                              from second in s_changes
                                              where Effort.IsWhole || n < 3 || first != Wish.Change
                                              select (first, second))
        {
            calls.UnionWith(AssertKept(n, t, new ClientRules(), givesNew: true, first, second).Calls);
        }

        string[] expected = ["Confirming Confirm", "RetiringAfterRecovery Retire", "Removing Delete", .. n > 1 ? s_bringing : []];
        Assert.Empty(expected.Except(calls));
    }

    /// <summary>What a first enrolment reports to be in effect recovers, whoever used its record before it was done.</summary>
    [Theory]
    [MemberData(nameof(WalkedSizes))]
    public void FirstEnrolmentAndOneGivenItsRecord_EveryFaultAtEveryStep_WhatIsReportedInEffectRecovers(int n, int t)
    {
        foreach (Wish second in s_changes.Where(w => Effort.IsWhole || n < 3 || w != Wish.Change))
        {
            AssertKept(n, t, new ClientRules(), givesNew: true, Wish.Enrol, second);
        }
    }

    /// <summary>But when it fails, and undoes what another device recovers at that moment, too few nodes may keep that in effect.</summary>
    [Fact]
    public void FirstEnrolmentThatFailsWhileItsRecordIsRecovered_NextEnrolment_MayNeedTheOwnerKey() =>
        AssertCaught(
            2, 2, new ClientRules { AsksAll = true }, "no secret recovers, and nobody can enrol", givesNew: true, Wish.Enrol, Wish.Recover);

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

    /// <summary>
    /// What the shorter walk leaves out is another order of the same, and what it takes for one is no different: every instant of a walk
    /// that takes every call at every state, or that forgets nothing, is among its ends.
    /// </summary>
    [Theory]
    [InlineData(2, 2, nameof(Wish.Enrol), nameof(Wish.EnrolDisplacing), false)]
    [InlineData(3, 2, nameof(Wish.Enrol), nameof(Wish.Enrol), false)]
    [InlineData(2, 2, nameof(Wish.Replace), nameof(Wish.Change), false)]
    [InlineData(3, 2, nameof(Wish.Replace), nameof(Wish.Replace), false)]
    [InlineData(2, 2, nameof(Wish.Change), nameof(Wish.Delete), false)]
    [InlineData(2, 2, nameof(Wish.Recover), nameof(Wish.DeleteOwned), false)]
    [InlineData(2, 2, nameof(Wish.Replace), nameof(Wish.Change), true)]
    [InlineData(2, 2, nameof(Wish.Change), nameof(Wish.Recover), true)]
    public void Explore_WithoutAnyShortcut_ComesToTheSameInstants(int n, int t, string first, string second, bool givesNew)
    {
        Wish[] wishes = [Enum.Parse<Wish>(first), Enum.Parse<Wish>(second)];
        string[] ends = Instants(n, t, isPlain: false, keepsAll: false, givesNew, wishes);
        output.WriteLine($"{ends.Length} instants");
        Assert.Equal(Instants(n, t, isPlain: true, keepsAll: false, givesNew, wishes), ends);
        Assert.Equal(Instants(n, t, isPlain: false, keepsAll: true, givesNew, wishes), ends);
    }

    private static string[] Instants(int n, int t, bool isPlain, bool keepsAll, bool givesNew, Wish[] wishes)
    {
        World world = new(n, t) { KeepsAll = keepsAll };
        ClientModel client = new(world, new ClientRules());
        (int account, Paper? first) = Begin(world, new Promises(world, client), wishes[0]);
        HashSet<string> instants = [];
        Errand[] errands = Errands(world, wishes, first, givesNew);
        new Explorer(world, client) { IsPlain = isPlain }.Run(account, errands, (accounts, stages) =>
        {
            instants.Add(string.Join(' ', accounts.Select(world.Uncharged).Order(StringComparer.Ordinal))
                + string.Concat(stages.Select(s => $"; {s.Mine} {s.Deletes} {s is { Step: Step.Succeeded, IsInEffect: true }}")));
            return null;
        });
        return [.. instants.Order(StringComparer.Ordinal)];
    }

    private Exploration AssertKept(int n, int t, ClientRules rules, params Wish[] wishes) => AssertKept(n, t, rules, givesNew: false, wishes);

    private Exploration AssertKept(int n, int t, ClientRules rules, bool givesNew, params Wish[] wishes)
    {
        Exploration found = Explore(n, t, rules, givesNew, wishes);
        Assert.True(found.Broken is null, $"n={n} t={t} {string.Join('/', wishes)}{(rules.IsPartial ? " partial" : "")}: {found.Broken}");
        Assert.Contains(found.Ends, end => end.Key.EndsWith(nameof(Step.Succeeded), StringComparison.Ordinal));
        Assert.Contains(found.Ends, end => end.Key.EndsWith(nameof(Step.Failed), StringComparison.Ordinal));
        return found;
    }

    private void AssertCaught(int n, int t, ClientRules rules, string promise, params Wish[] wishes) =>
        AssertCaught(n, t, rules, promise, givesNew: false, wishes);

    private void AssertCaught(int n, int t, ClientRules rules, string promise, bool givesNew, params Wish[] wishes)
    {
        Exploration found = Explore(n, t, rules, givesNew, wishes);
        output.WriteLine(found.Broken);
        Assert.StartsWith(promise, found.Broken, StringComparison.Ordinal);
    }

    private Exploration Explore(int n, int t, ClientRules rules, bool givesNew, Wish[] wishes)
    {
        World world = new(n, t);
        ClientModel client = new(world, rules);
        Promises promises = new(world, client) { AsksAll = rules.AsksAll };
        (int account, Paper? first) = Begin(world, promises, wishes[0]);
        Errand[] errands = Errands(world, wishes, first, givesNew);
        Exploration found = new Explorer(world, client)
            .Run(account, errands, (accounts, stages) => Broken(promises, accounts, stages, first, rules));
        output.WriteLine(
            $"n={n} t={t} {string.Join('/', wishes)}{(givesNew ? " of the new record" : "")}{(rules.IsPartial ? " partial" : "")}: "
            + $"{found.States} states, {found.Steps} steps, {world.Decisions} decisions; "
            + string.Join(", ", found.Ends.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key} {e.Value}")));
        return found;
    }

    /// <summary>
    /// What devices are asked for, with the record that stood at the start; or the second with the one that the first is about to make: it
    /// finds none until that is held.
    /// </summary>
    private static Errand[] Errands(World world, Wish[] wishes, Paper? first, bool givesNew = false)
    {
        Paper? made = givesNew ? world.Paper("A", first is null ? 1UL : 2, first is null ? [] : [first]) : first;
        return
        [
            .. wishes.Select((w, i) => new Errand($"{(char)('A' + i)}", w, w is Wish.Enrol or Wish.EnrolDisplacing ? null : i == 0 ? first : made)),
        ];
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

    private static (int Account, Paper? First) Begin(World world, Promises promises, Wish wish)
    {
        if (wish == Wish.Enrol)
        {
            return (world.Empty, null);
        }

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
