using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Examination;

/// <summary>The node's own keys in a token: which are there, and whether they are what they must be and work.</summary>
internal static class OwnKeys
{
    private const string Needed = "the node's keys";

    /// <summary>One part for keys that are there or not, and one for what they are.</summary>
    public static IEnumerable<ExaminedPart> Examine(TokenConnection connection, EvaluationMode mode, nuint? wrapMechanism)
    {
        var present = KeyFinder.Present(connection.Anchor);
        if (present.Count == 0)
        {
            yield return new(Needed, "none", Fitness.Good, "'custodian init' makes them");
            yield break;
        }
        var missing = TokenKeys.Lacking(present, mode);
        yield return missing.Count == 0
            ? new(Needed, string.Join(", ", present), Fitness.Good, "")
            : new(Needed, $"{string.Join(", ", present)}, without {string.Join(", ", missing)}", Fitness.Unfit, "bring the missing ones back from the HSM's backup");
        if (missing.Count == 0 && (wrapMechanism is not null || mode == EvaluationMode.Memory))
        {
            foreach (var part in ExaminePolicy(connection, mode))
            {
                yield return part;
            }
        }
    }

    private static List<ExaminedPart> ExaminePolicy(TokenConnection connection, EvaluationMode mode)
    {
        const string Policy = "keys that are what init made, and work";
        try
        {
            var keys = KeyFinder.Find(connection.Anchor, authorised: null, WrapAbility.Of(connection, mode));
            SelfTest.Prove(connection, keys);
            return
            [
                new(Policy, "they pass their canary", Fitness.Good, ""),
                .. keys.Inventory.Unused.Select(key => new ExaminedPart("no other key of their labels", $"{key.Label}: {key.Why}", Fitness.Weaker, "the node leaves it alone, and what is under it does not open")),
            ];
        }
        catch (HsmException e)
        {
            return [new(Policy, e.Message.TrimEnd('.'), Fitness.Unfit, "serve refuses them")];
        }
    }
}
