namespace Custodian.Pkcs11;

/// <summary>The keys of a node in its token.</summary>
/// <param name="Fit">
/// Every key that is what its purpose wants, whoever made it, by purpose and version: what names such a version opens with it. Of an audit
/// key both halves are there. At a node that evaluates in memory no wrap key is.
/// </param>
/// <param name="InUse">
/// What new blobs and signatures are made under, one of each purpose that the node has keys of; none where no keys were authorised.
/// </param>
public sealed record KeyInventory(IReadOnlyList<TokenKey> Fit, IReadOnlyList<TokenKey> InUse)
{
    /// <summary>What bears a label of the node's and is not used, and why; at most some dozens of them.</summary>
    public IReadOnlyList<UnusedKey> Unused { get; init; } = [];

    /// <summary>The point of the audit key that signs: 65 bytes, 04 || X || Y.</summary>
    /// <exception cref="InvalidOperationException">None does.</exception>
    public ReadOnlyMemory<byte> SigningPoint => Convert.FromHexString(Used(KeyPurpose.Audit).Identity);

    /// <summary>The key that what is new is made under.</summary>
    /// <param name="purpose">Of which purpose.</param>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public TokenKey Used(KeyPurpose purpose) =>
        InUse.FirstOrDefault(key => key.Purpose == purpose) ?? throw new InvalidOperationException($"No {purpose} key is in use.");

    /// <summary>The version that what is new is made under.</summary>
    /// <param name="purpose">Of which purpose.</param>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public uint Newest(KeyPurpose purpose) => Used(purpose).Version;

    /// <summary>The fit versions of a purpose, from the oldest to the newest.</summary>
    /// <param name="purpose">Which.</param>
    public IReadOnlyList<uint> Of(KeyPurpose purpose) => [.. Fit.Where(key => key.Purpose == purpose).Select(key => key.Version).Distinct().Order()];

    /// <summary>
    /// Whether this can be a later state of the token that the other was read from: they share a key. A token put in the place of another
    /// would open nothing of what the node stored, and sign what nobody could verify.
    /// </summary>
    internal bool IsOfTheTokenOf(KeyInventory other) => Fit.Intersect(other.Fit).Any(key => key.Identity.Length > 0);
}
