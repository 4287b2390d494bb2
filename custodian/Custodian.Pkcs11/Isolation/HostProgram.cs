namespace Custodian.Pkcs11.Isolation;

/// <summary>How to start the HSM's process. Secrets have no place in it: anyone may read a command line.</summary>
/// <param name="Path">The program.</param>
/// <param name="Arguments">Its arguments.</param>
public sealed record HostProgram(string Path, IReadOnlyList<string> Arguments)
{
    /// <summary>Variables over those of this process; null takes one out. The module reads its own there.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();
}
