using Custodian.Node.Host;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Examination;

namespace Custodian.Node.Commands;

/// <summary>Whether a token holds the keys of another, told by what those keys do: no key moves, and none is looked at.</summary>
internal static class CloneExaminer
{
    private const string Lost = "this token cannot take the place of that one: records at the node are lost with it";

    /// <summary>The parts of a clone; one that says why, when the token's keys do not open at all.</summary>
    internal static async Task<IReadOnlyList<ExaminedPart>> ExamineAsync(
        CloneProof proof, Pkcs11HsmOptions options, ModuleExamination found, CancellationToken cancellation)
    {
        if (!proof.IsAuthentic())
        {
            return [new("a proof as its token made it", "it was altered", Fitness.Unfit, "bring the file over again; it tells nothing as it is")];
        }

        if (!found.CanServe)
        {
            return [];
        }

        if ((await TokenKeys.FindAsync(options, cancellation)).Count == 0)
        {
            return [new($"the keys of token {proof.TokenSerial}", "none", Fitness.Unfit, Lost)];
        }

        await using Pkcs11Hsm hsm = await Pkcs11Hsm.OpenAsync(options, cancellation);
        return
        [
            ExamineVersions(proof, hsm),
            .. ExamineUntried(proof),
            Part("opens what that token sealed", "the same seal key", "another seal key", await proof.OpensAsync(hsm)),
            proof.Evaluation == EvaluationMode.Memory
                ? Part("opens a record that it sealed, which evaluates to the same result", "the same", "another, or none", await proof.EvaluatesAsync(hsm, cancellation))
                : Part("evaluates what it wrapped to the same result", "the same wrap key", "another wrap key", await proof.EvaluatesAsync(hsm, cancellation)),
            Part("signs with its audit key", "the same audit key", "another audit key", proof.IsSignedBy(hsm)),
        ];
    }

    // What is new is under the newest versions, so that only these can be tried; records of before are under the others.
    private static ExaminedPart ExamineVersions(CloneProof proof, Pkcs11Hsm hsm)
    {
        const string Needed = "every version of that token's keys";
        IReadOnlyList<string> missing = proof.MissingFrom(hsm);
        return missing.Count == 0
            ? new(Needed, string.Join(", ", proof.Labels), Fitness.Good, "")
            : new(Needed, $"lacks {string.Join(", ", missing)}", Fitness.Unfit, "what is under these opens with it no more: clone the token anew");
    }

    // A label and a CKA_ID can be given to any key.
    private static ExaminedPart[] ExamineUntried(CloneProof proof) => proof.Untried is { Count: > 0 } untried
        ? [new(
            "every version tried", $"{string.Join(", ", untried)} told by label and CKA_ID alone", Fitness.Weaker,
            "the proof has nothing under these; 'custodian verify --hsm' with this token and a backup of the database opens what is")]
        : [];

    private static ExaminedPart Part(string needed, string same, string other, bool isSame) =>
        isSame ? new(needed, same, Fitness.Good, "") : new(needed, other, Fitness.Unfit, Lost);
}
