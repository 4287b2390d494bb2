namespace Custodian.Pkcs11;

/// <summary>Which token to use and how much of it. Immutable.</summary>
public sealed class Pkcs11HsmOptions
{
    /// <summary>Absolute path of the PKCS#11 module, for example <c>/usr/lib/softhsm/libsofthsm2.so</c>.</summary>
    public required string ModulePath { get; init; }

    /// <summary>
    /// The token's label. Slot numbers change between starts, so a token is found by its label, its serial number, or both; at least
    /// one must be given, and exactly one token must match.
    /// </summary>
    public string? TokenLabel { get; init; }

    /// <summary>The token's serial number. See <see cref="TokenLabel"/>.</summary>
    public string? TokenSerial { get; init; }

    /// <summary>The user's PIN. Copied when the HSM is opened; the caller may dispose its own then.</summary>
    public required HsmPin Pin { get; init; }

    /// <summary>
    /// The keys that new things may be made under; null, the default, for none. What there is opens without: it says which key it is
    /// under, and every key of the token that passes the policy is tried. Who may say this is told by what is opened so.
    /// </summary>
    public IReadOnlyList<TokenKey>? Authorised { get; init; }

    /// <summary>
    /// What the module reads from pReserved of C_Initialize. null, the default, for every module but NSS, whose parameter string
    /// goes here.
    /// </summary>
    public string? ModuleParameters { get; init; }

    /// <summary>
    /// Where records' keys are evaluated: what the node was made for, which its database says. Default in the HSM. Keys and blobs of one
    /// mode are of no use in the other.
    /// </summary>
    public EvaluationMode Evaluation { get; init; } = EvaluationMode.Hsm;

    /// <summary>Sessions, each with its own thread: how many operations run at once. Default twice the processors; 1 to 256.</summary>
    public int Sessions { get; init; } = 2 * Environment.ProcessorCount;

    /// <summary>
    /// Admissions out at once. More than the sessions, because an admission is held through a durable commit too. Default 128; at
    /// least 1. An admitted operation waits for at most this many others.
    /// </summary>
    public int MaxAdmitted { get; init; } = 128;

    /// <summary>Callers waiting for an admission; the next one is turned away at once. Default 256; at least 0.</summary>
    public int MaxWaiting { get; init; } = 256;

    /// <summary>How long a caller waits for an admission. Default 2 s; above zero.</summary>
    public TimeSpan AdmissionWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The clock of <see cref="AdmissionWait"/>. Default the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <exception cref="ArgumentException">A value is outside its range; the message names it.</exception>
    internal void Validate()
    {
        Require(Path.IsPathFullyQualified(ModulePath), nameof(ModulePath), "must be an absolute path");
        Require(!string.IsNullOrEmpty(TokenLabel) || !string.IsNullOrEmpty(TokenSerial), nameof(TokenLabel), "or TokenSerial must be given");
        Require(Enum.IsDefined(Evaluation), nameof(Evaluation), "must be one of the two");
        Require(Sessions is >= 1 and <= 256, nameof(Sessions), "must be 1 to 256");
        Require(MaxAdmitted >= 1, nameof(MaxAdmitted), "must be at least 1");
        Require(MaxWaiting >= 0, nameof(MaxWaiting), "must be at least 0");
        Require(AdmissionWait > TimeSpan.Zero, nameof(AdmissionWait), "must be above zero");
    }

    private static void Require(bool condition, string name, string rule)
    {
        if (!condition)
        {
            throw new ArgumentException($"{name} {rule}.", name);
        }
    }
}
