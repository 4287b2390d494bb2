using System.Collections.Immutable;
using System.Collections.ObjectModel;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Turns what the nodes show into what the caller sees.</summary>
internal static class AccountReading
{
    internal static AccountDescription Describe(Operation operation, AccountView view) => new()
    {
        Record = view.Choice.Chosen is { } chosen ? RecordSummary.Of(chosen.Header) : null,
        Absence = view.Choice.Chosen is null ? Absence.Explain(operation.Set, view) : null,
        AttemptsLeft = view.Choice.Chosen?.AttemptsLeft ?? 0,
        Delay = view.Choice.Chosen?.Wait,
        OtherRecords = [.. view.Choice.Others.Select(r => RecordSummary.Of(r.Header))],
        AtNodes = view.Nodes.ToImmutableDictionary(n => n.Node, n => n.Live.Select(AtNode).ToImmutableArray()),
        Nodes = view.Outcomes,
        ForeignAttempts = view.Choice.Chosen is { } record
            ? ForeignCount.Of(record)
            : ReadOnlyDictionary<NodeId, int>.Empty,
    };

    /// <summary>The record to use.</summary>
    /// <exception cref="CustodyException">There is none, or the tokens name different users.</exception>
    internal static HeldRecord ChosenOrThrow(Operation operation, AccountView view)
    {
        ThrowIfTokensDisagree(operation, view);
        return view.Choice.Chosen ?? throw Absence.Explain(operation.Set, view);
    }

    /// <exception cref="TokenRejectedException">The tokens name different users: whose record is meant cannot be known.</exception>
    internal static void ThrowIfTokensDisagree(Operation operation, AccountView view)
    {
        if (operation.TokensDisagree)
        {
            throw new TokenRejectedException("the access tokens name different users", view.Outcomes);
        }

        if (!operation.HasAccount)
        {
            throw new TokenRejectedException("no access token names the user", view.Outcomes);
        }
    }

    private static RecordAtNode AtNode(Sighting sighting) => new(
        RecordSummary.Of(sighting.Header), (RecordState)(int)sighting.State, sighting.AttemptsRemaining, sighting.Wait);
}
