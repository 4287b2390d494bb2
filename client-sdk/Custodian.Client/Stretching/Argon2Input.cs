namespace Custodian.Client;

/// <summary>What Argon2 derives from (RFC 9106 section 3.1).</summary>
internal readonly ref struct Argon2Input
{
    /// <summary>The password P, of any length.</summary>
    internal required ReadOnlySpan<byte> Password { get; init; }

    /// <summary>The salt S, 8 bytes or more.</summary>
    internal required ReadOnlySpan<byte> Salt { get; init; }

    /// <summary>The key K, none by default. Custodian uses none.</summary>
    internal ReadOnlySpan<byte> Key { get; init; }

    /// <summary>The associated data X, none by default. Custodian uses none.</summary>
    internal ReadOnlySpan<byte> AssociatedData { get; init; }
}
