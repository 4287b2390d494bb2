using RecordState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>What a client takes from an answer, and keeps of it.</summary>
internal sealed class Hearing(World world)
{
    /// <summary>What the client makes of an answer, or of none.</summary>
    internal static Memory Heard(Stage stage, Memory memory, Reply? reply)
    {
        Call call = memory.Todo[0];
        bool isAnswer = reply is { Refused: null };
        Memory heard = memory with
        {
            Last = reply is null ? Word.Lost : isAnswer ? Word.Answered : Word.Refused,
            Todo = memory.Todo.RemoveAt(0),
        };
        return call.Kind switch
        {
            CallKind.Describe => heard with { View = isAnswer ? reply!.Shown : null },
            CallKind.Deposit => heard with { Took = isAnswer && reply!.State is RecordState.Pending or RecordState.Active },
            CallKind.Evaluate => heard with { Sequence = isAnswer ? reply!.Sequence : 0 },
            CallKind.Activate or CallKind.Confirm => heard with { Active = isAnswer && reply!.State == RecordState.Active },
            CallKind.Retire when stage.Step == Step.Aftermath && !isAnswer => heard with { Todo = [] },
            CallKind.Delete when isAnswer && call.Believed == RecordState.Active => heard with { Todo = [] },
            _ => heard,
        };
    }

    /// <summary>What of a memory may still matter in the step that it is in: states that differ in nothing else are one.</summary>
    internal Memory Kept(Stage stage, Memory m)
    {
        if (world.KeepsAll)
        {
            return m;
        }

        Memory bare = new() { Todo = m.Todo };
        int? states = m.View is { } view ? world.SameStates(view) : null;
        return stage.Step switch
        {
            Step.RecoverySurvey or Step.Survey or Step.SecondSurvey => bare with { View = m.View },
            Step.Evaluating => bare with { View = states, Sequence = m.Sequence },
            Step.Confirming => bare with { View = states, Active = m.Active },
            Step.Preparing => bare with { View = m.View, Last = m.Last },
            Step.Depositing or Step.Displacing => bare with { View = states, Last = m.Last, Prepared = m.Prepared, Took = m.Took },
            Step.Activating when m.Active => bare with { View = states, Last = Word.Answered, Prepared = true, Took = true, Active = true },
            Step.Activating => bare with { View = states, Last = m.Last, Prepared = m.Prepared, Took = m.Took },
            _ => bare,
        };
    }
}
