namespace Custodian.Pkcs11;

/// <summary>A version of the audit key.</summary>
/// <param name="Version">Which.</param>
/// <param name="IsPrivateThere">Whether it can sign; false for a version that was retired, of which the public half stays.</param>
/// <param name="PublicKey">65 bytes, 04 || X || Y.</param>
public sealed record AuditKey(uint Version, bool IsPrivateThere, ReadOnlyMemory<byte> PublicKey);

/// <summary>
/// The versions of the node's keys in its token, each list from the oldest to the newest. The newest of each purpose is the one that
/// new blobs and signatures are made under; the others open what is under them.
/// </summary>
/// <param name="Seal">The seal keys, at least one.</param>
/// <param name="Wrap">The wrap keys, at least one.</param>
/// <param name="Audit">The audit keys, at least one that signs; the last that does is the newest.</param>
public sealed record KeyInventory(IReadOnlyList<uint> Seal, IReadOnlyList<uint> Wrap, IReadOnlyList<AuditKey> Audit)
{
    /// <summary>What bears a label of the node's and is not used, and why; at most some dozens of them.</summary>
    public IReadOnlyList<UnusedKey> Unused { get; init; } = [];

    /// <summary>The audit key that signs.</summary>
    public AuditKey Signing => Audit.Last(key => key.IsPrivateThere);

    /// <summary>The newest version of a purpose.</summary>
    /// <param name="purpose">Which.</param>
    public uint Newest(KeyPurpose purpose) => purpose == KeyPurpose.Audit ? Signing.Version : Of(purpose)[^1];

    /// <summary>The versions of a purpose, those of which only a public half is left included.</summary>
    /// <param name="purpose">Which.</param>
    public IReadOnlyList<uint> Of(KeyPurpose purpose) => purpose switch
    {
        KeyPurpose.Seal => Seal,
        KeyPurpose.Wrap => Wrap,
        _ => [.. Audit.Select(key => key.Version)],
    };

    /// <summary>
    /// Whether this can be a later state of the token that the other was read from: they share an audit key, and none differs. A token
    /// put in the place of another would open nothing of what the node stored, and sign what nobody could verify.
    /// </summary>
    internal bool IsOfTheTokenOf(KeyInventory other)
    {
        var shared = Audit.Join(other.Audit, key => key.Version, key => key.Version, (own, its) => (Own: own, Its: its)).ToList();
        return shared.Count > 0 && shared.TrueForAll(pair => pair.Own.PublicKey.Span.SequenceEqual(pair.Its.PublicKey.Span));
    }
}
