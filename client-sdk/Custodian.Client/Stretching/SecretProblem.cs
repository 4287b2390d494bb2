namespace Custodian.Client;

/// <summary>Why a user's secret is refused before anything is sent (protocol.md section 5).</summary>
public enum SecretProblem
{
    /// <summary>It is not refused.</summary>
    None,

    /// <summary>It has no characters.</summary>
    Empty,

    /// <summary>It has half of a surrogate pair: text that was cut in the middle of a character.</summary>
    UnpairedSurrogate,

    /// <summary>
    /// It has a code point without a character, as far as this device knows, or one of the 66 noncharacters. What a later Unicode makes
    /// of it is unknown, so the same secret could stretch to something else on another device.
    /// </summary>
    UnassignedCodePoint,

    /// <summary>
    /// It is not ASCII, and this process cannot bring it into the one form that all devices agree on (NFKC): .NET runs in invariant
    /// globalization mode, or the platform has no such tables.
    /// </summary>
    NormalisationUnavailable,
}
