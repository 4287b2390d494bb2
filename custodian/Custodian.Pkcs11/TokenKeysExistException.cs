namespace Custodian.Pkcs11;

/// <summary>The token holds keys of a node already; making others in their place would strand every record under them.</summary>
/// <param name="labels">The labels found.</param>
public sealed class TokenKeysExistException(IReadOnlyList<string> labels)
    : Exception($"The token has keys of a node already: {string.Join(", ", labels)}.")
{
    /// <summary>The labels found, at least one.</summary>
    public IReadOnlyList<string> Labels { get; } = labels;
}
