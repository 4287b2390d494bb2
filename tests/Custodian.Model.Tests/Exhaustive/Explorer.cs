using System.Collections.Immutable;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>What a device is asked for.</summary>
internal sealed record Errand(string Device, Wish Wish, Paper? Given = null);

/// <summary>What an exploration came to.</summary>
/// <param name="States">How many states were reached.</param>
/// <param name="Steps">How many steps lead on from them.</param>
/// <param name="Broken">The promise that a state breaks, with the way there; null for none.</param>
/// <param name="IsWhole">Whether every state was reached.</param>
/// <param name="Ends">How often devices ended how.</param>
internal sealed record Exploration(int States, long Steps, string? Broken, bool IsWhole, IReadOnlyDictionary<string, int> Ends);

/// <summary>
/// Walks every state that clients can lead a set of nodes to, breadth first: every order of their calls at every node, and for each call
/// that it is done, that its answer is lost, or that it never arrives. A client that crashes takes no further step, and a node that dies
/// before its commit or after it has not got the call or lost the answer, so both are among these. A clock that jumps makes a PENDING record
/// old or young at any time: a Deposit that would displace one is taken both ways.
/// </summary>
/// <remarks>
/// Nodes are interchangeable: a state is what the devices do, and the multiset of what is at the nodes and known of them. That two calls to
/// different nodes come in either order makes no two states.
/// </remarks>
internal sealed class Explorer(World world, ClientModel client)
{
    private const int Bits = 16;

    private readonly Interned<Stage> _stages = new(s => s.Key);
    private readonly Interned<Memory> _memories = new(m => m.Key);
    private readonly Dictionary<Local, int> _localNumbers = [];
    private readonly List<Local> _locals = [];
    private readonly HashSet<UInt128> _seen = [];
    private readonly List<(UInt128 State, int Parent, string? Told)> _states = [];
    private readonly Dictionary<string, int> _ends = [];
    private readonly Dictionary<(int Local, int Device, int Stage), Outcome[]> _outcomes = [];
    private readonly Dictionary<(int Stage, UInt128 Memories), (int Stage, int[] Memories)> _advanced = [];
    private long _steps;

    /// <summary>The most messages that each device loses.</summary>
    internal int MostLosses { get; init; } = int.MaxValue;

    /// <summary>How many states to give up at.</summary>
    internal int MostStates { get; init; } = 8_000_000;

    /// <summary>Explores what the errands make of accounts; <paramref name="broken"/> says which promise a state breaks.</summary>
    internal Exploration Run(int account, Errand[] errands, Func<int[], Stage[], string?> broken)
    {
        Begin(account, errands);
        for (int i = 0; i < _states.Count && _states.Count <= MostStates; i++)
        {
            (int[] stages, int[] locals) = Unpack(_states[i].State, errands.Length);
            if (broken([.. locals.Select(l => _locals[l].Account)], [.. stages.Select(s => _stages[s])]) is { } promise)
            {
                return Result($"{promise}\n{Trace(i, errands.Length)}", isWhole: false);
            }

            Expand(i, stages, locals);
        }

        return Result(null, _states.Count <= MostStates);
    }

    private Exploration Result(string? broken, bool isWhole) => new(_states.Count, _steps, broken, isWhole, _ends);

    private void Begin(int account, Errand[] errands)
    {
        (Stage Stage, Memory[] At)[] begun = [.. errands.Select(e => client.Begin(e.Device, e.Wish, e.Given))];
        int[] memories = [.. begun.Select(b => _memories.Number(b.At[0])), 0];
        int local = Number(new Local(account, memories[0], memories[1]));
        Add(Pack([.. begun.Select(b => _stages.Number(b.Stage))], [.. Enumerable.Repeat(local, world.Nodes)]), -1, null);
    }

    private void Expand(int from, int[] stages, int[] locals)
    {
        for (int device = 0; device < stages.Length; device++)
        {
            for (int node = 0; node < locals.Length && !_stages[stages[device]].IsEnded; node++)
            {
                if (node > 0 && locals[node] == locals[node - 1])
                {
                    continue;
                }

                foreach (Outcome outcome in Outcomes(locals[node], device, stages[device]))
                {
                    Step(from, stages, locals, device, node, outcome);
                }
            }
        }
    }

    private void Step(int from, int[] stages, int[] locals, int device, int node, Outcome outcome)
    {
        _steps++;
        int[] next = [.. locals];
        next[node] = Number(_locals[next[node]].With(outcome.Account, device, outcome.Memory));
        int[] nextStages = [.. stages];
        nextStages[device] = outcome.Stage;
        if (Array.TrueForAll(next, l => _memories[_locals[l].Of(device)].Todo.IsEmpty))
        {
            (nextStages[device], int[] memories) = Advance(outcome.Stage, [.. next.Select(l => _locals[l].Of(device))]);
            next = [.. next.Select((l, i) => Number(_locals[l].With(_locals[l].Account, device, memories[i])))];
        }

        Add(Pack(nextStages, next), from, outcome.Told);
    }

    /// <summary>What a device decides after a round, by what it knows of each node.</summary>
    private (int Stage, int[] Memories) Advance(int stage, int[] memories)
    {
        UInt128 key = 0;
        Array.ForEach(memories, m => key = (key << Bits) | (UInt128)(uint)m);
        if (!_advanced.TryGetValue((stage, key), out (int, int[]) advanced))
        {
            (Stage next, Memory[] at) = client.Advance(_stages[stage], [.. memories.Select(m => _memories[m])]);
            _advanced[(stage, key)] = advanced = (_stages.Number(next), [.. at.Select(_memories.Number)]);
        }

        return advanced;
    }

    /// <summary>What may become of a device's next call at a node.</summary>
    private Outcome[] Outcomes(int local, int device, int stage)
    {
        if (!_outcomes.TryGetValue((local, device, stage), out Outcome[]? outcomes))
        {
            Memory memory = _memories[_locals[local].Of(device)];
            _outcomes[(local, device, stage)] = outcomes = memory.Todo.IsEmpty ? [] : [.. Possible(_locals[local].Account, memory, _stages[stage])];
        }

        return outcomes;
    }

    private IEnumerable<Outcome> Possible(int account, Memory memory, Stage stage)
    {
        Call call = memory.Todo[0];
        string told = $"{stage.Device}: {call} at {world.Name(account)}";
        (int Next, Reply Reply)? former = null;
        foreach (bool late in call.Kind == CallKind.Deposit ? [false, true] : new[] { false })
        {
            (int Next, Reply Reply) decided = world.Apply(account, call, late);
            if (decided == former)
            {
                continue;
            }

            former = decided;
            string answer = decided.Reply.Refused is { } reason ? reason.ToString() : world.Name(decided.Next);
            yield return Heard(stage, memory, decided.Next, decided.Reply, $"{told} -> {answer}");
            if (stage.Losses < MostLosses && decided.Next != account)
            {
                yield return Heard(stage, memory, decided.Next, null, $"{told} -> {answer}, answer lost");
            }
        }

        if (stage.Losses < MostLosses)
        {
            yield return Heard(stage, memory, account, null, $"{told}, lost");
        }
    }

    private Outcome Heard(Stage stage, Memory memory, int account, Reply? reply, string told)
    {
        Stage after = reply is null && MostLosses < int.MaxValue ? stage with { Losses = stage.Losses + 1 } : stage;
        return new Outcome(account, _memories.Number(ClientModel.Hear(stage, memory, reply)), _stages.Number(after), told);
    }

    private void Add(UInt128 state, int parent, string? told)
    {
        if (_seen.Add(state))
        {
            _states.Add((state, parent, told));
            CountEnds(state);
        }
    }

    private void CountEnds(UInt128 state)
    {
        for (UInt128 rest = state >> (Bits * world.Nodes); rest != 0; rest >>= Bits)
        {
            Stage stage = _stages[(int)(rest & ((1 << Bits) - 1)) - 1];
            if (stage.IsEnded)
            {
                string end = $"{stage.Device} {stage.Step}";
                _ends[end] = _ends.GetValueOrDefault(end) + 1;
            }
        }
    }

    private int Number(Local local)
    {
        if (!_localNumbers.TryGetValue(local, out int number))
        {
            _localNumbers[local] = number = _locals.Count;
            _locals.Add(local);
            Assert.True(number < (1 << Bits) - 1, "more of a kind than a state has room for");
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

    private sealed record Outcome(int Account, int Memory, int Stage, string Told);

    /// <summary>One node: its account, and what each device knows of it.</summary>
    private readonly record struct Local(int Account, int First, int Second)
    {
        internal int Of(int device) => device == 0 ? First : Second;

        internal Local With(int account, int device, int memory) =>
            device == 0 ? new Local(account, memory, Second) : new Local(account, First, memory);
    }
}
