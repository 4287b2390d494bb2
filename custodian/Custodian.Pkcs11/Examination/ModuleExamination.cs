namespace Custodian.Pkcs11.Examination;

/// <summary>What a finding means for a node.</summary>
public enum Fitness
{
    /// <summary>It is as the design wants it.</summary>
    Good,

    /// <summary>A node serves with it, and less protected or slower than it could be.</summary>
    Weaker,

    /// <summary>A node cannot serve with it, and does not start.</summary>
    Unfit,
}

/// <summary>One thing that the design asks of a module or token, and how it is there.</summary>
/// <param name="Needed">What the design needs, in words.</param>
/// <param name="Found">What there is.</param>
/// <param name="Fitness">Whether that will do.</param>
/// <param name="Meaning">What follows from it, or what to do; empty where all is well.</param>
public sealed record ExaminedPart(string Needed, string Found, Fitness Fitness, string Meaning);

/// <summary>How fast a record is evaluated: opening is not in it, unwrapping and deriving are; in memory, opening is and these are not.</summary>
/// <param name="OnePerSecond">Evaluations a second in one session.</param>
/// <param name="Sessions">How many sessions there were at once.</param>
/// <param name="AllPerSecond">Evaluations a second in all of them together.</param>
public sealed record ExaminedSpeed(double OnePerSecond, int Sessions, double AllPerSecond);

/// <summary>What <see cref="ModuleExaminer"/> found.</summary>
/// <param name="Token">The token; null when it was not found.</param>
/// <param name="Parts">Everything that was looked at, in the order of the examination.</param>
/// <param name="Speed">null when the module does not evaluate.</param>
public sealed record ModuleExamination(TokenDescription? Token, IReadOnlyList<ExaminedPart> Parts, ExaminedSpeed? Speed)
{
    /// <summary>The modes that the module has the abilities for. Its token and keys, which are other parts, may still be unfit.</summary>
    public IReadOnlyList<EvaluationMode> Modes { get; init; } = [];

    /// <summary>Whether a node can serve with it, once its keys are made.</summary>
    public bool CanServe => Parts.All(part => part.Fitness != Fitness.Unfit);
}
