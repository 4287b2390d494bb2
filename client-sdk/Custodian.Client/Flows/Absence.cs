using Custodian.Protocol;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Client;

/// <summary>Says why there is no record to use: nobody enrolled, or too few nodes to tell. Pure.</summary>
internal static class Absence
{
    internal static CustodyException Explain(CustodianSet set, AccountView view)
    {
        int silent = set.Nodes.Count(n => view.IsSilent(n.Id));
        int tokenless = view.Outcomes.Values.Count(IsTokenTrouble);
        HeldRecord? nearest = RecordChoice.Shown(view.Nodes).Where(view.CouldBeHeld).MaxBy(r => r.Sightings.Length);
        int needed = nearest?.Header.Threshold ?? set.MinThreshold;
        if (nearest is null && silent < set.MinThreshold)
        {
            var remains = view.Nodes.Where(n => n.Live.Any(s => s.State == WireState.Active)).Select(n => n.Node);
            return new RecordNotFoundException([.. remains], view.Outcomes);
        }

        return silent - tokenless < needed && tokenless > 0
            ? new TokenRejectedException("too few nodes take the access tokens", view.Outcomes)
            : new TooFewNodesException(needed, nearest?.Sightings.Length ?? view.Nodes.Length, view.Outcomes);
    }

    /// <summary>Whether a node was lost to its token rather than to an outage.</summary>
    internal static bool IsTokenTrouble(NodeOutcome outcome) =>
        outcome.Condition == NodeCondition.NoToken
        || outcome.Refusal?.Reason is RefusalReason.TokenRejected or RefusalReason.ScopeMissing;
}
