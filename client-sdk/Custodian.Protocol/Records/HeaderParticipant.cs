namespace Custodian.Protocol;

/// <summary>A node that holds a share of a record (protocol.md section 12, <c>Participant</c>).</summary>
/// <param name="Node">The node.</param>
/// <param name="Index">The index of its share, 1..255: the x at which the polynomial was evaluated.</param>
internal readonly record struct HeaderParticipant(NodeId Node, byte Index);
