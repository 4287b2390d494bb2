using System.Collections.Immutable;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>What protocol.md section 14 promises of every state, asked of what is at the nodes.</summary>
internal sealed class Promises(World world, ClientModel client)
{
    private const int Tries = 3;

    private readonly Dictionary<string, ImmutableArray<Paper>> _recoverable = [];
    private readonly Dictionary<string, bool> _tolerant = [];
    private readonly Dictionary<string, string?> _next = [];

    /// <summary>Whether the next enrolment is asked for also where it may be impossible.</summary>
    internal bool AsksAll { get; init; }

    /// <summary>Which of the records somebody with its secret would recover, when no node fails them.</summary>
    internal ImmutableArray<Paper> Recoverable(IReadOnlyList<int?> accounts)
    {
        string key = string.Join(',', accounts);
        if (!_recoverable.TryGetValue(key, out ImmutableArray<Paper> records))
        {
            _recoverable[key] = records = client.TrialsOf(client.ViewOf(accounts));
        }

        return records;
    }

    /// <summary>The promises of every state; null when they are kept.</summary>
    internal string? Broken(int[] accounts, Stage[] stages, Paper? first)
    {
        ImmutableArray<Paper> recoverable = Recoverable([.. accounts.Select(a => (int?)a)]);
        Paper[] wanted = [.. stages.Select(s => s.Mine).Prepend(first).OfType<Paper>()];
        bool deletes = stages.Any(s => s.Deletes);
        if (first is not null && !deletes && !wanted.Any(recoverable.Contains))
        {
            return "neither the old nor a new secret recovers";
        }

        foreach (Stage stage in stages.Where(s => s is { Step: Step.Succeeded, IsInEffect: true }))
        {
            bool isReplaced = stages.Any(s => s != stage && s.Mine is { } other && recoverable.Contains(other));
            bool isDeleted = stages.Any(s => s.Deletes && s.Given == stage.Mine);
            if (!recoverable.Contains(stage.Mine!) && !isReplaced && !isDeleted)
            {
                return $"{stage.Device} reported its record in effect, and its secret does not recover";
            }
        }

        // Who deletes, or displaces for ever what may be taking effect, has been told what that can cost. Who uses the record of a first
        // enrolment before that is done, and it fails, may put into effect what the other device is about to remove.
        bool isDrastic = deletes || stages.Any(s => s.Wish == Wish.EnrolDisplacing) || (first is null && stages.Any(s => s.Given is not null));
        return isDrastic && !AsksAll ? null : NextEnrolment(accounts, recoverable);
    }

    /// <summary>
    /// With a single change at work: whatever n-t nodes are lost, one of the secrets recovers. A partial enrolment survives one, no more.
    /// </summary>
    internal string? BrokenWithNodesLost(int[] accounts, IReadOnlyCollection<Paper> secrets, bool isPartial = false)
    {
        int lost = isPartial ? Math.Min(1, world.Nodes - world.Threshold) : world.Nodes - world.Threshold;
        string key = $"{lost}: {string.Join(',', accounts)} {string.Join(',', secrets)}";
        if (!_tolerant.TryGetValue(key, out bool isTolerant))
        {
            _tolerant[key] = isTolerant = Subsets(accounts, lost).All(left => Recoverable(left).Any(secrets.Contains));
        }

        return isTolerant ? null : $"with {lost} nodes lost, no secret recovers";
    }

    /// <summary>What an errand comes to when nothing fails.</summary>
    internal (int[] Accounts, Stage Stage) Calmly(int[] accounts, Errand errand, Action<int, Call>? called = null)
    {
        int[] now = [.. accounts];
        (Stage stage, Memory[] at) = client.Begin(errand.Device, errand.Wish, errand.Given);
        while (!stage.IsEnded)
        {
            for (int i = 0; i < at.Length; i++)
            {
                while (!at[i].Todo.IsEmpty)
                {
                    called?.Invoke(i, at[i].Todo[0]);
                    (now[i], Reply reply) = world.Apply(now[i], at[i].Todo[0], late: true);
                    at[i] = client.Hear(stage, at[i], reply);
                }
            }

            (stage, at) = client.Advance(stage, at);
        }

        return (now, stage);
    }

    /// <summary>Once nothing fails any more, a user who knows the secrets can change one that recovers; where none does, enrol.</summary>
    private string? NextEnrolment(int[] accounts, ImmutableArray<Paper> recoverable)
    {
        string key = string.Join(',', accounts);
        if (!_next.TryGetValue(key, out string? broken))
        {
            broken = recoverable.IsEmpty
                ? Leads(accounts, null) ? null : "no secret recovers, and nobody can enrol"
                : recoverable.Any(r => Leads(accounts, r)) ? null : "a secret recovers, and none that does can be changed";
            _next[key] = broken;
        }

        return broken;
    }

    private bool Leads(int[] accounts, Paper? secret)
    {
        int[] now = accounts;
        for (int i = 0; i < Tries; i++)
        {
            Wish wish = secret is null ? Wish.EnrolDisplacing : Wish.Change;
            (now, Stage stage) = Calmly(now, new Errand($"N{i}", wish, secret));
            if (stage.Step == Step.Succeeded && BrokenWithNodesLost(now, [stage.Mine!]) is null)
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<int?[]> Subsets(int[] accounts, int lost)
    {
        for (int mask = 0; mask < 1 << accounts.Length; mask++)
        {
            if (System.Numerics.BitOperations.PopCount((uint)mask) == lost)
            {
                yield return [.. accounts.Select((a, i) => (mask & (1 << i)) == 0 ? a : (int?)null)];
            }
        }
    }
}
