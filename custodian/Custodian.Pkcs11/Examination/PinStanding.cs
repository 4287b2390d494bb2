using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Examination;

/// <summary>What a token says of its PIN, before one is tried.</summary>
internal static class PinStanding
{
    private const string Needed = "a user PIN with tries left";

    /// <summary>Reads the CKF_USER_PIN flags of a token.</summary>
    public static ExaminedPart Examine(nuint flags)
    {
        foreach (var (flag, found, fitness, meaning) in Standings)
        {
            if ((flags & flag) != 0)
            {
                return new(Needed, found, fitness, meaning);
            }
        }
        return (flags & Ckf.UserPinInitialized) != 0
            ? new(Needed, "no wrong PIN since the last login", Fitness.Good, "")
            : new(Needed, "no user PIN is set", Fitness.Unfit, "the token's security officer must set one");
    }

    private static (nuint Flag, string Found, Fitness Fitness, string Meaning)[] Standings { get; } =
    [
        (Ckf.UserPinLocked, "the PIN is locked", Fitness.Unfit, "the token's security officer must set it anew"),
        (
            Ckf.UserPinFinalTry,
            "one try is left",
            Fitness.Unfit,
            "it is used neither here nor by a node; log in once with the HSM's own tool and the right PIN"),
        (
            Ckf.UserPinCountLow,
            "a wrong PIN was tried since the last login",
            Fitness.Weaker,
            "find out who did; the next good login takes the mark away"),
        (Ckf.UserPinToBeChanged, "the PIN must be changed", Fitness.Weaker, "change it with the HSM's own tool"),
    ];
}
