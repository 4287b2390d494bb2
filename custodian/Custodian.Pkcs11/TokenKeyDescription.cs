namespace Custodian.Pkcs11;

/// <summary>A key that <see cref="TokenKeys"/> made.</summary>
/// <param name="Label">Its label in the token, <c>custodian/purpose/version</c>.</param>
/// <param name="Algorithm">What it is, for example <c>AES-256</c>.</param>
/// <param name="Use">What it may do, in words.</param>
/// <param name="Missing">
/// Protections that the module did not take, in words to show an operator; empty on a module that takes all of them, as SoftHSM does.
/// </param>
public sealed record TokenKeyDescription(string Label, string Algorithm, string Use, IReadOnlyList<string> Missing)
{
    /// <summary>What tells it from another of its label, to note where keys are authorised.</summary>
    public required TokenKey Key { get; init; }
}
