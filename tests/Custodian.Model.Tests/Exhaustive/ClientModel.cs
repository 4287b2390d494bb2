using System.Collections.Immutable;
using Custodian.Client;
using Custodian.Protocol;
using RecordState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>The counts that a client goes by; another one's are wrong on purpose.</summary>
internal sealed record ClientRules
{
    internal Func<int, int, int> ToRetire { get; init; } = Majority.ToRetire;

    internal Func<int, int, bool, int> ToActivate { get; init; } = Majority.ToActivate;

    /// <summary>Whether what is PENDING is displaced in the same breath as the rest is deposited.</summary>
    internal bool DisplacesAtOnce { get; init; }

    /// <summary>Whether the caller allows a partial enrolment.</summary>
    internal bool IsPartial { get; init; }

    /// <summary>See <see cref="Promises.AsksAll"/>.</summary>
    internal bool AsksAll { get; init; }
}

/// <summary>
/// The steps of a client: rounds of calls, one to each node at a time, and what is decided between them. It mirrors ClientFlows (the
/// order of what is asked), RecoveryFlow and Trial (<see cref="Step.Evaluating"/>), SettlementFlow (<see cref="Step.Confirming"/>,
/// <see cref="Step.RetiringAfterRecovery"/>), EnrolmentFlow (<see cref="Step.Preparing"/> to <see cref="Step.Activating"/>), Aftermath and
/// Removal. What is decided from what the nodes show is the client's own code: AccountView with RecordChoice, Succession and
/// GenerationChoice under it, OwnerKeyRing, and Majority. <see cref="CallSequenceTests"/> holds it against the client itself.
/// </summary>
/// <remarks>
/// Left out: prepared keys when every node is needed (a Prepare changes nothing, and one that fails ends it); patience and grace, which
/// only make a node that is late one that is lost.
/// </remarks>
internal sealed class ClientModel(World world, ClientRules rules)
{
    private const int MostTrials = 4;

    private readonly Dictionary<string, AccountView> _views = [];
    private readonly Hearing _hearing = new(world);

    private int Nodes => world.Nodes;

    private int Threshold => world.Threshold;

    private int Needed => rules.ToActivate(Nodes, Threshold, rules.IsPartial);

    /// <summary>Begins; every node is asked what it shows.</summary>
    internal (Stage Stage, Memory[] At) Begin(string device, Wish wish, Paper? given)
    {
        Step first = wish is Wish.Change or Wish.Recover or Wish.Delete ? Step.RecoverySurvey : Step.Survey;
        Stage stage = new() { Device = device, Wish = wish, Given = given, Step = first, Ring = given is null ? [] : [given] };
        return (stage, DescribeAll());
    }

    /// <summary>What the client makes of an answer, or of none.</summary>
    internal Memory Hear(Stage stage, Memory memory, Reply? reply) => _hearing.Kept(stage, Hearing.Heard(stage, memory, reply));

    /// <summary>What comes after a round, until there is something to ask again or nothing more to do.</summary>
    internal (Stage Stage, Memory[] At) Advance(Stage stage, Memory[] at)
    {
        if (stage.IsCrashing)
        {
            stage = stage with { Step = Step.Failed, IsCrashing = false };
        }

        while (!stage.IsEnded && at.All(m => m.Todo.IsEmpty))
        {
            (stage, at) = Next(stage, at);
        }

        return stage.IsEnded
            ? (stage with { Ring = [], Order = [], Trial = 0, IsOlder = false }, Fill(Memory.Nothing))
            : (stage, [.. at.Select(m => _hearing.Kept(stage, m))]);
    }

    /// <summary>What the nodes show, as the client's own code reads it.</summary>
    internal AccountView ViewOf(IReadOnlyList<int?> shown)
    {
        string key = string.Join(',', shown);
        if (!_views.TryGetValue(key, out AccountView? view))
        {
            OutcomeTable outcomes = new();
            Dictionary<NodeId, NodeView> views = [];
            for (int i = 0; i < shown.Count; i++)
            {
                NodeId node = world.Set.Nodes[i].Id;
                outcomes.Set(node, shown[i] is null ? NodeOutcome.Unanswered : NodeOutcome.Answered);
                if (shown[i] is { } account)
                {
                    views[node] = world.View(account, i);
                }
            }

            _views[key] = view = AccountView.Of(world.Set, views, outcomes).Judged();
        }

        return view;
    }

    /// <summary>RecoveryFlow.InOrder and TryAllAsync: the records that the secret is tried at.</summary>
    internal ImmutableArray<Paper> TrialsOf(AccountView view) => view.Choice.Chosen is not { } chosen ? [] :
    [
        .. view.Choice.Others.OrderByDescending(r => r.Sightings.Length >= Threshold).Prepend(chosen)
            .Where(r => r.Free >= r.Header.Threshold).Take(MostTrials).Select(Of),
    ];

    private (Stage Stage, Memory[] At) Next(Stage stage, Memory[] at) => stage.Step switch
    {
        Step.RecoverySurvey => TryNext(stage with { Order = TrialsOf(View(at)), IsOlder = !IsChosen(View(at), stage.Given!), Trial = -1 }, at),
        Step.Evaluating => Evaluated(stage, at),
        Step.Confirming => Confirmed(stage, at),
        Step.RetiringAfterRecovery => Settled(stage),
        Step.Survey => Surveyed(stage, at),
        Step.BringingForward => (stage with { Step = Step.SecondSurvey }, DescribeAll()),
        Step.SecondSurvey => IsChosen(View(at), stage.Given!) ? Plan(stage, at) : Fail(stage, at),
        Step.Preparing => Deposit(stage, at),
        Step.Depositing => Displace(stage, at),
        Step.Displacing => Deposited(stage, at),
        Step.Activating => Activated(stage, at),
        Step.Aftermath or Step.Removing => (stage with { Step = Step.Succeeded }, at),
        Step.Undoing => Fail(stage, at),
        _ => throw new InvalidOperationException(),
    };

    private static (Stage Stage, Memory[] At) TryNext(Stage stage, Memory[] at)
    {
        int trial = stage.Trial + 1;
        if (trial == stage.Order.Length)
        {
            return Fail(stage, at);
        }

        Call evaluate = new(CallKind.Evaluate, stage.Order[trial], Attempt: $"{stage.Device}{stage.Order[trial]}");
        Memory[] untried = [.. at.Select(m => m with { Sequence = 0 })];
        return Round(stage with { Step = Step.Evaluating, Trial = trial }, untried, (_, _) => [evaluate]);
    }

    private (Stage Stage, Memory[] At) Evaluated(Stage stage, Memory[] at)
    {
        bool opens = stage.Order[stage.Trial] == stage.Given && at.Count(m => m.Sequence > 0) >= Threshold;
        return !opens ? TryNext(stage, at) : Round(stage with { Step = Step.Confirming }, at, (m, _) =>
            m.Sequence == 0 ? [] : [new Call(CallKind.Confirm, stage.Given, Attempt: $"{stage.Device}{stage.Given}", Sequence: m.Sequence)]);
    }

    /// <summary>SettlementFlow.RetireAsync: where the record is in effect, what was there before goes.</summary>
    private (Stage Stage, Memory[] At) Confirmed(Stage stage, Memory[] at) =>
        at.Count(m => m.Active) < rules.ToRetire(Nodes, Threshold)
            ? Settled(stage)
            : Round(stage with { Step = Step.RetiringAfterRecovery }, at, (m, i) => !m.Active ? [] :
                [.. Live(m, i).Where(s => s.State != RecordState.Pending && s.Record != stage.Given!.Id)
                    .Select(s => new Call(CallKind.Retire, Of(s), stage.Given))]);

    private (Stage Stage, Memory[] At) Settled(Stage stage) => stage.Wish == Wish.Recover
        ? (stage with { Step = Step.Succeeded }, Fill(Memory.Nothing))
        : (stage with { Step = Step.Survey, Ring = [stage.Given!, .. stage.Given!.Carried], Order = [], Trial = 0 }, DescribeAll());

    private (Stage Stage, Memory[] At) Surveyed(Stage stage, Memory[] at)
    {
        AccountView view = View(at);
        switch (stage.Wish)
        {
            case Wish.Enrol or Wish.EnrolDisplacing:
                HeldRecord? present = view.Choice.All.OrderByDescending(r => r.IsActiveSomewhere).FirstOrDefault();
                bool stands = present is not null && (present.IsActiveSomewhere || stage.Wish == Wish.Enrol);
                return stands ? Fail(stage, at) : Plan(stage, at);
            case Wish.Replace:
                return IsChosen(view, stage.Given!) ? BringForward(stage, at) : Fail(stage, at);
            case Wish.Change:
                bool isThere = stage.IsOlder ? view.Choice.All.Any(r => Of(r) == stage.Given) : IsChosen(view, stage.Given!);
                return view.Choice.Chosen is not null && isThere ? Plan(stage, at) : Fail(stage, at);
            default:
                bool isShown = stage.Wish == Wish.Delete || RecordChoice.Shown(view.Nodes).Any(r => Of(r) == stage.Given);
                return isShown ? Remove(stage, at) : Fail(stage, at);
        }
    }

    /// <summary>OwnerKeyRing.ActivateAsync, and a second look if there was anything to bring forward.</summary>
    private (Stage Stage, Memory[] At) BringForward(Stage stage, Memory[] at)
    {
        bool[] pending = [.. at.Select((m, i) => Live(m, i).Any(s => s.State == RecordState.Pending && Of(s) == stage.Given))];
        return !pending.Contains(true) ? Plan(stage, at) : Round(stage with { Step = Step.BringingForward }, at, (_, i) =>
            pending[i] ? [new Call(CallKind.Activate, stage.Given)] : []);
    }

    /// <summary>The constructor of EnrolmentFlow, Plan and the beginning of PrepareAsync.</summary>
    private (Stage Stage, Memory[] At) Plan(Stage stage, Memory[] at)
    {
        AccountView view = View(at);
        using OwnerKeyRing owners = Owners(stage);
        Word[] words = [.. at.Select((m, i) => IsLockedIn(m, i, owners) ? Word.Refused : m.View is null ? Word.Lost : Word.Answered)];
        if (words.Count(w => w == Word.Answered) < Needed)
        {
            return Fail(stage, at);
        }

        ImmutableArray<FormerOwnerKey> carried = owners.ToCarry(view, world.Set);
        Paper mine = world.Paper(stage.Device, view.Generation.Next, [.. carried.Select(c => world.PaperOf(c.Record))]);
        Memory[] planned = [.. at.Select((m, i) => m with { Last = words[i], Prepared = false, Took = false, Active = false, Sequence = 0 })];
        Stage preparing = stage with { Step = Step.Preparing, Mine = mine };
        return rules.IsPartial
            ? Round(preparing, planned, (m, _) => m.Last == Word.Answered ? [new Call(CallKind.Prepare)] : [])
            : (preparing, planned);
    }

    private (Stage Stage, Memory[] At) Deposit(Stage stage, Memory[] at)
    {
        Memory[] prepared = [.. at.Select(m => m with { Prepared = m.Last == Word.Answered })];
        if (prepared.Count(m => m.Prepared) < Needed)
        {
            return Fail(stage, at);
        }

        bool all = rules.DisplacesAtOnce;
        return Round(stage with { Step = Step.Depositing }, prepared, (m, i) => m.Prepared && (all || !IsHeld(m, i)) ? Deposits(stage, m, i) : []);
    }

    /// <summary>EnrolmentFlow.DisplaceAsync: what is PENDING gives way last, and only when that is enough.</summary>
    private (Stage Stage, Memory[] At) Displace(Stage stage, Memory[] at)
    {
        bool[] held = [.. at.Select((m, i) => m.Prepared && IsHeld(m, i) && !rules.DisplacesAtOnce)];
        bool isEnough = at.Count(m => m.Took) + held.Count(h => h) >= Needed;
        Memory[] next = [.. at.Select((m, i) => held[i] && !isEnough ? m with { Prepared = false } : m)];
        return Round(stage with { Step = Step.Displacing }, next, (m, i) => held[i] && isEnough ? Deposits(stage, m, i) : []);
    }

    private ImmutableArray<Call> Deposits(Stage stage, Memory m, int i)
    {
        using OwnerKeyRing owners = Owners(stage);
        return
        [
            new Call(
                CallKind.Deposit,
                stage.Mine,
                NodeAt(m, i) is { } node && owners.For(node) is { } old ? Of(old.Record) : null,
                NodeAt(m, i)?.InState(RecordState.Pending) is { } pending ? Of(pending) : null),
        ];
    }

    private bool IsHeld(Memory m, int i) => Live(m, i).Any(s => s.State == RecordState.Pending);

    private (Stage Stage, Memory[] At) Deposited(Stage stage, Memory[] at) => at.Count(m => m.Took) >= Needed
        ? Round(stage with { Step = Step.Activating }, at, (m, _) =>
            m.Took || MayHaveStored(m) ? [new Call(CallKind.Activate, stage.Mine)] : [])
        : Undo(stage, at);

    private (Stage Stage, Memory[] At) Undo(Stage stage, Memory[] at)
    {
        bool[] held = [.. at.Select(IsHeld)];
        bool displaced = at.Where((m, i) => held[i] && MayHaveStored(m)).Any();
        bool stays = displaced && !rules.DisplacesAtOnce && at.Where((m, i) => m.Prepared && !held[i]).Count() < Threshold;
        return Round(stage with { Step = Step.Undoing }, at, (m, i) =>
            MayHaveStored(m) && !(stays && !held[i]) ? [new Call(CallKind.Delete, stage.Mine, Believed: RecordState.Pending)] : []);
    }

    /// <summary>Aftermath.RunAsync.</summary>
    private (Stage Stage, Memory[] At) Activated(Stage stage, Memory[] at)
    {
        if (at.Count(m => m.Active || MayHaveStored(m)) < Threshold)
        {
            return Fail(stage, at);
        }

        Stage after = stage with { Step = Step.Aftermath, IsInEffect = at.Count(m => m.Active) >= Threshold };
        if (at.Count(m => m.Active) < rules.ToRetire(Nodes, Threshold))
        {
            return (after, at);
        }

        using OwnerKeyRing owners = Owners(stage);
        return Round(after, at, (m, i) =>
            m.Active ? [.. Live(m, i).Where(s => s.State != RecordState.Pending).Select(s => new Call(CallKind.Retire, Of(s), stage.Mine))]
            : m.Took || MayHaveStored(m) ? []
            : DeleteOld(m, i, owners));
    }

    private ImmutableArray<Call> DeleteOld(Memory m, int i, OwnerKeyRing owners)
    {
        Header? header = NodeAt(m, i) is { } node ? node.InState(RecordState.Active)?.Header : owners.Replaced;
        return header is not null && owners.Find(header) is not null
            ? [new Call(CallKind.Delete, world.PaperOf(header.RecordId), Believed: RecordState.Active)]
            : [];
    }

    private (Stage Stage, Memory[] At) Remove(Stage stage, Memory[] at)
    {
        using OwnerKeyRing owners = Owners(stage);
        return Round(stage with { Step = Step.Removing, Deletes = true }, at, (m, i) =>
            [.. Live(m, i).OrderBy(s => s.State != RecordState.Active).Where(s => owners.Find(s.Header) is not null)
                .Select(s => new Call(CallKind.Delete, Of(s), Believed: s.State))]);
    }

    private static (Stage Stage, Memory[] At) Fail(Stage stage, Memory[] at) => (stage with { Step = Step.Failed }, at);

    private static (Stage Stage, Memory[] At) Round(Stage stage, Memory[] at, Func<Memory, int, ImmutableArray<Call>> calls) =>
        (stage, [.. at.Select((m, i) => m with { Todo = calls(m, i) })]);

    private bool IsLockedIn(Memory m, int i, OwnerKeyRing owners) =>
        NodeAt(m, i) is { } node && node.Live.Any(s => s.State != RecordState.Pending) && owners.For(node) is null;

    /// <summary>EnrolmentFlow.MayHaveStored of a node that was asked to: a refusal by rule is the only sure word.</summary>
    private static bool MayHaveStored(Memory m) => m.Prepared && (m.Last == Word.Lost || (m.Last == Word.Answered && m.Took));

    private bool IsChosen(AccountView view, Paper paper) => view.Choice.Chosen is { } chosen && Of(chosen) == paper;

    private static OwnerKeyRing Owners(Stage stage)
    {
        if (stage.Ring.IsEmpty)
        {
            return OwnerKeyRing.None();
        }

        using SecretBytes key = stage.Ring[0].OwnerKey();
        return OwnerKeyRing.Of(stage.Ring[0].Header, key, [.. stage.Ring.Skip(1).Select(r => r.FormerOwner())]);
    }

    private NodeView? NodeAt(Memory m, int i) => m.View is { } account ? world.View(account, i) : null;

    private ImmutableArray<Sighting> Live(Memory m, int i) => NodeAt(m, i)?.Live ?? [];

    private AccountView View(Memory[] at) => ViewOf([.. at.Select(m => m.View)]);

    private Paper Of(Sighting sighting) => world.PaperOf(sighting.Record);

    private Paper Of(HeldRecord record) => world.PaperOf(record.Header.RecordId);

    private Memory[] DescribeAll() => Fill(new Memory { Todo = [new Call(CallKind.Describe)] });

    private Memory[] Fill(Memory memory) => [.. Enumerable.Repeat(memory, Nodes)];
}
