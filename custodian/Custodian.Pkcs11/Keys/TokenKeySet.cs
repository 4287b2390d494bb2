using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// The node's keys as handles, valid in every session of the application. Immutable: after a re-login there is a new set, and which
/// set an operation used tells whether someone has found the keys again since.
/// </summary>
/// <param name="SealToken">The seal key itself, in the token. The canary uses this one: it notices when the token is gone.</param>
/// <param name="Seal">What seals and opens: a session copy where the module allows one, else the same as SealToken.</param>
/// <param name="Wrap">The wrap key; null for a node that evaluates in memory.</param>
/// <param name="Audit">The private audit key.</param>
/// <param name="Module">How the module wraps records' keys; null for a node that evaluates in memory.</param>
internal sealed record TokenKeySet(
    nuint SealToken, nuint Seal, nuint? Wrap, nuint Audit, WrapAbility? Module)
{
    public bool HasSealCopy => Seal != SealToken;

    /// <summary>Where records' keys are evaluated with these.</summary>
    public EvaluationMode Mode => Module is null ? EvaluationMode.Memory : EvaluationMode.Hsm;
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
