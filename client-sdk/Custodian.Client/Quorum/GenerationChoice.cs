using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>The generation of a new record (protocol.md section 3). Pure.</summary>
/// <param name="Next">One more than the highest believable claim.</param>
/// <param name="Faulty">Nodes whose claim is too far above the others'.</param>
internal sealed record GenerationChoice(ulong Next, ImmutableArray<NodeId> Faulty)
{
    /// <summary>Takes each node's highest claim, 0 for a node that shows nothing.</summary>
    internal static GenerationChoice Choose(IReadOnlyCollection<(NodeId Node, ulong Claim)> claims, int threshold)
    {
        ulong reference = Ranking.Highest(claims.Select(c => c.Claim), threshold);
        ulong limit = Math.Min(reference, Limits.MaxGeneration) + Limits.MaxGenerationClaimStep;
        ulong highest = claims.Select(c => c.Claim).Where(c => c <= limit).DefaultIfEmpty().Max();
        return new GenerationChoice(highest + 1, [.. claims.Where(c => c.Claim > limit).Select(c => c.Node)]);
    }
}
