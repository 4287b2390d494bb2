using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>A seal key as handles.</summary>
/// <param name="Version">Which.</param>
/// <param name="Token">The key itself, in the token. The canary uses this one: it notices when the token is gone.</param>
/// <param name="Use">What seals and opens: a session copy where the module allows one, else the same as Token.</param>
internal sealed record SealKey(uint Version, nuint Token, nuint Use)
{
    public bool IsCopied => Use != Token;
}

/// <summary>A wrap key, or an audit key's private half, as a handle.</summary>
internal sealed record VersionedKey(uint Version, nuint Handle);

/// <summary>
/// The node's keys as handles, valid in every session of the application, in all their versions. Immutable: after a re-login, or when
/// versions came or went, there is a new set, and which set an operation used tells whether someone has found the keys again since.
/// </summary>
/// <param name="Found">The objects that it was made from.</param>
/// <param name="Authorised">The versions that may be used.</param>
/// <param name="Seals">The seal keys, the newest last.</param>
/// <param name="Wraps">The wrap keys, the newest last.</param>
/// <param name="Audits">The audit keys that can sign, the newest last.</param>
/// <param name="Inventory">What a caller may know of them.</param>
/// <param name="Module">What was proven of the module.</param>
internal sealed record TokenKeySet(
    IReadOnlyList<FoundKey> Found,
    IReadOnlyList<AuthorisedKey> Authorised,
    IReadOnlyList<SealKey> Seals,
    IReadOnlyList<VersionedKey> Wraps,
    IReadOnlyList<VersionedKey> Audits,
    KeyInventory Inventory,
    WrapAbility Module)
{
    /// <summary>What a key check is called that finds no key of a version.</summary>
    public const string MissingVersion = "key version";

    /// <summary>The key of new blobs.</summary>
    public SealKey Seal => Seals[^1];

    /// <summary>The key of new wrappings.</summary>
    public VersionedKey Wrap => Wraps[^1];

    /// <summary>The key that signs.</summary>
    public VersionedKey Audit => Audits[^1];

    /// <summary>A version's handle: of a seal key that of the token's own object.</summary>
    public nuint? HandleOf(KeyPurpose purpose, uint version) => purpose switch
    {
        KeyPurpose.Seal => Seals.FirstOrDefault(key => key.Version == version)?.Token,
        KeyPurpose.Wrap => Wraps.FirstOrDefault(key => key.Version == version)?.Handle,
        _ => Audits.FirstOrDefault(key => key.Version == version)?.Handle,
    };

    /// <summary>The key that a blob names.</summary>
    /// <exception cref="HsmException">The token has none; class Data, since it is the blob that names it.</exception>
    public SealKey SealOf(uint version) => Seals.FirstOrDefault(key => key.Version == version) ?? throw Missing(KeyPurpose.Seal, version);

    /// <inheritdoc cref="SealOf"/>
    public VersionedKey WrapOf(uint version) => Wraps.FirstOrDefault(key => key.Version == version) ?? throw Missing(KeyPurpose.Wrap, version);

    private static HsmException Missing(KeyPurpose purpose, uint version) => new(
        HsmErrorClass.Data, 0, MissingVersion, $"The token has no key {TokenKeyNames.Of(purpose, version)}, which the sealed blob names.");
}

/// <summary>How a module wraps keys.</summary>
/// <param name="Mechanism">The module's mechanism that was proven to be RFC 5649.</param>
/// <param name="UnwrapTemplate">What an unwrapped record key is, as this module wants it said.</param>
internal sealed record WrapAbility(nuint Mechanism, AttributeTemplate UnwrapTemplate);
