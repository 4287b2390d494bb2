namespace Custodian.Pkcs11.Examination;

/// <summary>What an examination says of the two modes: what each asks of a module, and what the weaker one costs.</summary>
internal static class ModePart
{
    public const string Needed = "a place where records' keys are evaluated";

    public const string NotNeeded = "not needed: this node evaluates in memory";

    public const string Refused = "this module cannot hold a node's keys; init and serve refuse it";

    public const string RefusedInTheHsm =
        "init and serve refuse this module to a node that evaluates in the HSM; 'custodian init --evaluate-in-memory' makes a node that does without";

    private const string Cost =
        "whoever reads the memory of the process that holds the module takes the keys of the records that are evaluated meanwhile";

    /// <summary>The mode that was looked at, and which the module has the abilities for.</summary>
    public static ExaminedPart Of(EvaluationMode mode, IReadOnlyList<EvaluationMode> able)
    {
        var could = able.Count == 0 ? "neither in the HSM nor in memory" : string.Join(" or ", able.Select(each => each.Words()));
        return mode == EvaluationMode.Memory
            ? new(Needed, $"in memory, as this node was or is to be made; the module could serve {could}", Fitness.Weaker, Cost)
            : new(Needed, $"in the HSM; the module could serve {could}", Fitness.Good, "");
    }
}
