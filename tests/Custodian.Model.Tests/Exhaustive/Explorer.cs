using System.Collections.Immutable;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>What a device is asked for.</summary>
internal sealed record Errand(string Device, Wish Wish, Paper? Given = null);

/// <summary>What an exploration came to.</summary>
/// <param name="States">How many states were reached.</param>
/// <param name="Steps">How many steps lead on from them.</param>
/// <param name="Broken">The promise that a state breaks, with the way there; null for none.</param>
/// <param name="Ends">After how many different last rounds devices that did not die ended how.</param>
/// <param name="Calls">Which calls were made in which steps.</param>
internal sealed record Exploration(
    int States, long Steps, string? Broken, IReadOnlyDictionary<string, int> Ends, IReadOnlySet<string> Calls);

/// <summary>
/// Walks what clients can lead a set of nodes to: every order of their calls at every node, and for each call that it is done, that its
/// answer is lost, or that it never arrives. A node that dies before its commit or after it has not got the call or lost the answer, so both
/// are among these; a client dies in any round, with any of the round's calls sent. A clock that jumps makes a PENDING record old or young at
/// any time: a Deposit that would displace one is taken both ways.
/// </summary>
/// <remarks>
/// <para>Nodes are interchangeable: a state is what the devices do, and the multiset of what is at the nodes and known of them.</para>
/// <para>Calls at different nodes commute, so one order of them stands for all (Godefroid, Partial-Order Methods for the Verification of
/// Concurrent Systems, 1996: persistent sets). At each state the walk takes the calls of both devices at one node; where none has both, a
/// call of each at a node of its own. What it leaves for later cannot interfere with these: it is at other nodes, and no device comes to its
/// next round before the call that was taken is over. Such a walk comes to every state in which all devices have ended.</para>
/// <para>That is every instant there is. What is at the nodes at an instant is what is there when each client that has not ended dies in the
/// round it is in, with those calls sent that are done by then: a state in which all have ended. Only there are the promises asked for.</para>
/// </remarks>
internal sealed class Explorer(World world, ClientModel client)
{
    private const int Bits = Interned.Bits;

    private readonly Chances _chances = new(world, client);
    private readonly Interned<Stage> _stages = new(s => s.Key);
    private readonly Interned<Memory> _memories = new(m => m.Key);
    private readonly Dictionary<Local, int> _localNumbers = [];
    private readonly List<Local> _locals = [];
    private readonly HashSet<UInt128> _seen = [];
    private readonly List<(UInt128 State, int Parent, string? Told)> _states = [];
    private readonly Dictionary<string, int> _ends = [];
    private readonly HashSet<string> _calls = [];
    private readonly Dictionary<(int Local, int Device, int Stage), Outcome[]> _outcomes = [];
    private readonly Dictionary<(int Stage, UInt128 Memories), Fate[]> _advanced = [];
    private long _steps;

    /// <summary>Whether every call is taken at every state, and every state asked for the promises: to hold the shorter walk against.</summary>
    internal bool IsPlain { get; init; }

    /// <summary>Explores what the errands make of accounts; <paramref name="broken"/> says which promise a state breaks.</summary>
    internal Exploration Run(int account, Errand[] errands, Func<int[], Stage[], string?> broken)
    {
        Begin(account, errands);
        for (int i = 0; i < _states.Count; i++)
        {
            (int[] stages, int[] locals) = Unpack(_states[i].State, errands.Length);
            bool isAsked = IsPlain || Array.TrueForAll(stages, s => _stages[s].IsEnded);
            if (isAsked && broken([.. locals.Select(l => _locals[l].Account)], [.. stages.Select(s => _stages[s])]) is { } promise)
            {
                return new Exploration(_states.Count, _steps, $"{promise}\n{Trace(i, errands.Length)}", _ends, _calls);
            }

            Expand(i, stages, locals);
        }

        return new Exploration(_states.Count, _steps, null, _ends, _calls);
    }

    private void Begin(int account, Errand[] errands)
    {
        (Stage Stage, Memory[] At)[] begun = [.. errands.Select(e => client.Begin(e.Device, e.Wish, e.Given))];
        int[] memories = [.. begun.Select(b => _memories.Number(b.At[0])), _memories.Number(Memory.Nothing)];
        int local = Number(new Local(account, memories[0], memories[1]));
        List<(int[] Stages, int[] Locals)> roots =
            [([.. begun.Select(b => _stages.Number(b.Stage))], [.. Enumerable.Repeat(local, world.Nodes)])];
        foreach (int device in Enumerable.Range(0, errands.Length))
        {
            Fate[] fates = Fates(begun[device].Stage, begun[device].At);
            roots = [.. roots.SelectMany(_ => fates, (root, fate) => Fated(root.Stages, root.Locals, device, fate))];
        }

        roots.ForEach(r => Add(Pack(r.Stages, r.Locals), -1, null));
    }

    private void Expand(int from, int[] stages, int[] locals)
    {
        foreach ((int device, int node) in IsPlain ? Pending(stages, locals) : Persistent(stages, locals))
        {
            foreach (Outcome outcome in Outcomes(locals[node], device, stages[device]))
            {
                Step(from, stages, locals, device, node, outcome);
            }
        }
    }

    private IEnumerable<(int Device, int Node)> Pending(int[] stages, int[] locals) =>
        from device in Enumerable.Range(0, stages.Length)
        from node in Enumerable.Range(0, locals.Length)
        where (node == 0 || locals[node] != locals[node - 1]) && IsPending(locals[node], device)
        select (device, node);

    /// <summary>Those of them to take now: see the remarks.</summary>
    private IEnumerable<(int Device, int Node)> Persistent(int[] stages, int[] locals)
    {
        (int Device, int Node)[] pending = [.. Pending(stages, locals)];
        int[] shared = [.. pending.GroupBy(p => p.Node).Where(g => g.Count() > 1).Select(g => g.Key).Take(1)];
        return shared.Length > 0 ? pending.Where(p => p.Node == shared[0]) : pending.DistinctBy(p => p.Device);
    }

    private bool IsPending(int local, int device) => !_memories[_locals[local].Of(device)].Todo.IsEmpty;

    private void Step(int from, int[] stages, int[] locals, int device, int node, Outcome outcome)
    {
        _steps++;
        int[] next = [.. locals];
        next[node] = Number(_locals[next[node]].With(outcome.Account, device, outcome.Memory));
        if (Array.Exists(next, l => IsPending(l, device)))
        {
            Add(Pack([.. stages], next), from, outcome.Told);
            return;
        }

        foreach (Fate fate in Advance(stages[device], [.. next.Select(l => _locals[l].Of(device))]))
        {
            (int[] fatedStages, int[] fated) = Fated(stages, next, device, fate);
            Add(Pack(fatedStages, fated), from, outcome.Told);
        }
    }

    private (int[] Stages, int[] Locals) Fated(int[] stages, int[] locals, int device, Fate fate) =>
    (
        [.. stages.Select((s, d) => d == device ? fate.Stage : s)],
        [.. locals.Select((l, i) => Number(_locals[l].With(_locals[l].Account, device, fate.Memories[i])))]);

    /// <summary>What a device decides after a round, by what it knows of each node, and what may befall it in the next.</summary>
    private Fate[] Advance(int stage, int[] memories)
    {
        UInt128 key = 0;
        Array.ForEach(memories, m => key = (key << Bits) | (UInt128)(uint)m);
        if (!_advanced.TryGetValue((stage, key), out Fate[]? advanced))
        {
            (Stage next, Memory[] at) = client.Advance(_stages[stage], [.. memories.Select(m => _memories[m])]);
            if (next.IsEnded && !_stages[stage].IsCrashing)
            {
                string end = $"{next.Device} {next.Step}";
                _ends[end] = _ends.GetValueOrDefault(end) + 1;
            }

            _advanced[(stage, key)] = advanced = Fates(next, at);
        }

        return advanced;
    }

    private Fate[] Fates(Stage stage, Memory[] at) =>
        [.. Chances.Fates(stage, at).Select(f => new Fate(_stages.Number(f.Stage), [.. f.At.Select(_memories.Number)]))];

    /// <summary>What may become of a device's next call at a node.</summary>
    private Outcome[] Outcomes(int local, int device, int stage)
    {
        if (!_outcomes.TryGetValue((local, device, stage), out Outcome[]? outcomes))
        {
            (int account, Memory memory) = (_locals[local].Account, _memories[_locals[local].Of(device)]);
            _calls.Add($"{_stages[stage].Step} {memory.Todo[0].Kind}");
            _outcomes[(local, device, stage)] = outcomes =
                [.. _chances.Of(account, memory, _stages[stage]).Select(c => new Outcome(c.Account, _memories.Number(c.Memory), c.Told))];
        }

        return outcomes;
    }

    private void Add(UInt128 state, int parent, string? told)
    {
        if (_seen.Add(state))
        {
            _states.Add((state, parent, told));
        }
    }

    private int Number(Local place)
    {
        Local local = place with { Account = world.Forget(place.Account, !_memories[place.First].Claims, !_memories[place.Second].Claims) };
        if (!_localNumbers.TryGetValue(local, out int number))
        {
            _localNumbers[local] = number = _locals.Count;
            _locals.Add(local);
            Interned.RequireRoom(number);
        }

        return number;
    }

    /// <summary>Stages first, numbered from 1, so that none is an empty place.</summary>
    private static UInt128 Pack(int[] stages, int[] locals)
    {
        Array.Sort(locals);
        UInt128 packed = 0;
        Array.ForEach(stages, s => packed = (packed << Bits) | (UInt128)(uint)(s + 1));
        Array.ForEach(locals, l => packed = (packed << Bits) | (UInt128)(uint)l);
        return packed;
    }

    private (int[] Stages, int[] Locals) Unpack(UInt128 packed, int devices)
    {
        int[] numbers = new int[devices + world.Nodes];
        for (int i = numbers.Length - 1; i >= 0; i--, packed >>= Bits)
        {
            numbers[i] = (int)(packed & ((1 << Bits) - 1));
        }

        return ([.. numbers[..devices].Select(n => n - 1)], numbers[devices..]);
    }

    private string Trace(int state, int devices)
    {
        List<string> lines = [$"  leaves {Words(state, devices)}"];
        for (int i = state; _states[i].Parent >= 0; i = _states[i].Parent)
        {
            lines.Add($"  {_states[i].Told}");
        }

        lines.Reverse();
        return string.Join('\n', lines.Select((line, i) => i < lines.Count - 1 ? $"{i + 1,3}{line}" : $"   {line}"));
    }

    private string Words(int state, int devices)
    {
        (int[] stages, int[] locals) = Unpack(_states[state].State, devices);
        return string.Join(' ', locals.Select(l => world.Name(_locals[l].Account))) + "; "
            + string.Join(", ", stages.Select(s => _stages[s]).Select(s => $"{s.Device} ({s.Wish}) {s.Step}"));
    }

    private sealed record Outcome(int Account, int Memory, string Told);

    private sealed record Fate(int Stage, int[] Memories);

    /// <summary>One node: its account, and what each device knows of it.</summary>
    private readonly record struct Local(int Account, int First, int Second)
    {
        internal int Of(int device) => device == 0 ? First : Second;

        internal Local With(int account, int device, int memory) =>
            device == 0 ? new Local(account, memory, Second) : new Local(account, First, memory);
    }
}
