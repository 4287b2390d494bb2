namespace Custodian.Client;

/// <summary>There is no usable token for a node. Travels from the token source through the pipeline; not transient.</summary>
internal sealed class NoTokenException(string why, Exception? cause = null) : Exception(why, cause);
