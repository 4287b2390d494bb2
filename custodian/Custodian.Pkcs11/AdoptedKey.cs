namespace Custodian.Pkcs11;

/// <summary>How <see cref="IHsm.AdoptAsync"/> ended.</summary>
public enum AdoptOutcome
{
    /// <summary>The record's secret part is sealed.</summary>
    Adopted,

    /// <summary>The sealed key does not open: it is not of this HSM, of another context, was altered, or is under a key that the token has no more.</summary>
    Rejected,

    /// <summary>The sealed key opens, but its time is over.</summary>
    Expired,
}

/// <summary>The answer of <see cref="IHsm.AdoptAsync"/>.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="SealedRecord">The record's secret part: wrapped k, its public point, the masked share. null unless adopted.</param>
public sealed record AdoptedKey(AdoptOutcome Outcome, byte[]? SealedRecord);
