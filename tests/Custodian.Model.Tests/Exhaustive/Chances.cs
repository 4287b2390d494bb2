namespace Custodian.Model.Tests.Exhaustive;

/// <summary>What may become of a call, and of a client in a round.</summary>
internal sealed class Chances(World world, ClientModel client)
{
    /// <summary>What may befall a client in a round: nothing that it would notice at once, or that it dies.</summary>
    internal static IEnumerable<(Stage Stage, Memory[] At)> Fates(Stage stage, Memory[] at)
    {
        yield return (stage, at);
        if (!stage.IsEnded)
        {
            yield return (stage with { IsCrashing = true }, [.. at.Select(m => new Memory { Todo = m.Todo })]);
        }
    }

    /// <summary>What may become of the next call that a device has for a node.</summary>
    internal IEnumerable<(int Account, Memory Memory, string Told)> Of(int account, Memory memory, Stage stage) =>
        stage.IsCrashing ? Sent(account, memory, stage) : Heard(account, memory, stage);

    private IEnumerable<(int Account, Memory Memory, string Told)> Heard(int account, Memory memory, Stage stage)
    {
        foreach ((int next, Reply reply, string told) in Done(account, memory.Todo[0], stage))
        {
            yield return (next, client.Hear(stage, memory, reply), told);
            if (next != account)
            {
                yield return (next, client.Hear(stage, memory, null), $"{told}, answer lost");
            }
        }

        yield return (account, client.Hear(stage, memory, null), $"{stage.Device}: {memory.Todo[0]} at {world.Name(account)}, lost");
    }

    /// <summary>A client that dies in this round has sent a call or not; if not, no further one either.</summary>
    private IEnumerable<(int Account, Memory Memory, string Told)> Sent(int account, Memory memory, Stage stage)
    {
        foreach ((int next, _, string told) in Done(account, memory.Todo[0], stage))
        {
            yield return (next, new Memory { Todo = memory.Todo.RemoveAt(0) }, told);
        }

        yield return (account, Memory.Nothing, $"{stage.Device}: dies before {memory.Todo[0]} at {world.Name(account)}");
    }

    private IEnumerable<(int Account, Reply Reply, string Told)> Done(int account, Call call, Stage stage)
    {
        (int Account, Reply Reply)? former = null;
        foreach (bool late in call.Kind == CallKind.Deposit ? [false, true] : new[] { false })
        {
            (int Account, Reply Reply) decided = world.Apply(account, call, late);
            if (decided != former)
            {
                string answer = decided.Reply.Refused is { } reason ? reason.ToString() : world.Name(decided.Account);
                yield return (decided.Account, decided.Reply, $"{stage.Device}: {call} at {world.Name(account)} -> {answer}");
            }

            former = decided;
        }
    }
}
