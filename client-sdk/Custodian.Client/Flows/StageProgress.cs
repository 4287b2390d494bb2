using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Counts the nodes of one stage for the caller's progress.</summary>
internal sealed class StageProgress
{
    private readonly GuardedProgress _progress;
    private readonly CustodyStage _stage;
    private readonly int _total;
    private int _done;

    internal StageProgress(GuardedProgress progress, CustodyStage stage, int total = 0)
    {
        (_progress, _stage, _total) = (progress, stage, total);
        _progress.Report(new CustodyProgress(stage, null, null, 0, total));
    }

    internal void Done(NodeId node, NodeOutcome outcome) =>
        _progress.Report(new CustodyProgress(_stage, node, outcome, Interlocked.Increment(ref _done), _total));
}
