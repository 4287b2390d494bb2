namespace Custodian.Node.Host;

/// <summary>A reason not to start, worded for the operator: what is wrong and what to do. Carries no secret.</summary>
internal sealed class NodeStartException(string message, Exception? inner = null) : Exception(message, inner);
