using Custodian.Pkcs11.Binding;
using Custodian.Protocol;

namespace Custodian.Pkcs11.Keys;

/// <summary>A seal key as handles.</summary>
/// <param name="Version">Which.</param>
/// <param name="Token">The key itself, in the token. The canary uses this one: it notices when the token is gone.</param>
/// <param name="Use">What seals and opens: a session copy where the module allows one, else the same as Token.</param>
internal sealed record SealKey(uint Version, nuint Token, nuint Use)
{
    public bool IsCopied => Use != Token;
}

/// <summary>What new blobs and signatures are made under; no wrap key where records' keys are evaluated in memory.</summary>
internal sealed record UsedKeys(SealKey Seal, FitKey? Wrap, FitKey Audit);

/// <summary>
/// The node's keys as handles, valid in every session of the application, in all their versions. Immutable: after a re-login, or when
/// versions came or went, there is a new set, and which set an operation used tells whether someone has found the keys again since.
/// </summary>
/// <param name="Found">The objects that it was made from.</param>
/// <param name="Authorised">What new things may be made under; null where nobody has said so, and then nothing is made.</param>
/// <param name="Seals">The fit seal keys, the newest version last; of one version there may be several.</param>
/// <param name="Wraps">The fit wrap keys, likewise; none at a node that evaluates in memory.</param>
/// <param name="Used">What new things are made under; null where nothing is authorised.</param>
/// <param name="Inventory">What a caller may know of them.</param>
/// <param name="Module">How the module wraps records' keys, as was proven; null at a node that evaluates in memory.</param>
internal sealed record TokenKeySet(
    IReadOnlyList<FoundKey> Found,
    IReadOnlyList<TokenKey>? Authorised,
    IReadOnlyList<SealKey> Seals,
    IReadOnlyList<FitKey> Wraps,
    UsedKeys? Used,
    KeyInventory Inventory,
    WrapAbility? Module)
{
    /// <summary>What a key check is called that finds no key of a version.</summary>
    public const string MissingVersion = "key version";

    /// <summary>Where records' keys are evaluated with these.</summary>
    public EvaluationMode Mode => Module is null ? EvaluationMode.Memory : EvaluationMode.Hsm;

    /// <summary>Overwrites what this thread has freed, where the module was given or gave a record's key in the clear.</summary>
    public void WipeFreed()
    {
        if (Mode == EvaluationMode.Memory)
        {
            FreedMemory.Wipe();
        }
    }

    /// <summary>The keys of what is new.</summary>
    /// <exception cref="HsmException">None is authorised: this opens what there is, and makes nothing.</exception>
    public UsedKeys New => Used ?? throw new HsmException(
        HsmErrorClass.Fatal, 0, KeyFinder.Check, "No keys were authorised to make anything new under.");

    /// <summary>The seal key that is tried.</summary>
    public SealKey CanarySeal => Used?.Seal ?? Seals[^1];

    /// <summary>The wrap key that is tried; null where there is none.</summary>
    public FitKey? CanaryWrap => Module is null ? null : Used?.Wrap ?? Wraps[^1];

    /// <summary>The keys of the version that a blob names, at least one: which it is, only opening tells.</summary>
    /// <exception cref="HsmException">The token has none; class Data, since it is the blob that names it.</exception>
    public List<SealKey> SealsOf(uint version) => Some(Seals.Where(key => key.Version == version), KeyPurpose.Seal, version);

    /// <summary>The same of the wrap key; none for a key that is evaluated in memory, which names no version.</summary>
    /// <exception cref="HsmException">As <see cref="SealsOf"/>.</exception>
    public List<FitKey> WrapsOf(uint? version) =>
        version is { } named ? Some(Wraps.Where(key => key.Name.Version == named), KeyPurpose.Wrap, named) : [];

    /// <summary>Whether a failure with one of several keys may be no more than that it is not the one.</summary>
    public static bool MayBeOfAnother(HsmException failure) => failure.Class is HsmErrorClass.Data or HsmErrorClass.Ambiguous;

    private static List<T> Some<T>(IEnumerable<T> keys, KeyPurpose purpose, uint version) => keys.ToList() is { Count: > 0 } some
        ? some
        : throw new HsmException(
            HsmErrorClass.Data, 0, MissingVersion, $"The token has no key {TokenKeyNames.Of(purpose, version)} that is fit, which the sealed blob names.");
}

/// <summary>How a module wraps keys.</summary>
/// <param name="Mechanism">The module's mechanism that was proven to be RFC 5649.</param>
/// <param name="UnwrapTemplate">What an unwrapped record key is, as this module wants it said.</param>
internal sealed record WrapAbility(nuint Mechanism, AttributeTemplate UnwrapTemplate)
{
    /// <summary>What a mode needs of it, proven: nothing where the wrap key has no part.</summary>
    /// <exception cref="HsmException">The mode needs it, and the module has none.</exception>
    public static WrapAbility? Of(TokenConnection connection, EvaluationMode mode) => mode == EvaluationMode.Memory
        ? null
        : new(SelfTest.ProvenWrapMechanism(connection), RecordKeyTemplates.UnwrappedBy(connection));
}
