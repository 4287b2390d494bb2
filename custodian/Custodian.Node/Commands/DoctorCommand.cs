using System.CommandLine;
using System.Globalization;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Examination;

namespace Custodian.Node.Commands;

/// <summary><c>custodian doctor</c>: whether an HSM can serve, part by part, and whether a token is a clone of the node's.</summary>
internal static class DoctorCommand
{
    private sealed record Report(
        string Module, string Token, bool CanServe, EvaluationMode Evaluation, IReadOnlyList<EvaluationMode> Modes, IReadOnlyList<ExaminedPart> Parts,
        ExaminedSpeed? Speed, string? Proof);

    /// <summary>What was asked for on the command line.</summary>
    private sealed record Wish(string? MakeProof, string? CheckProof, bool InMemory, bool Json);

    internal static Command Build()
    {
        var common = new CommonOptions();
        var make = new Option<string?>("--make-proof")
        {
            Description = "also write a file by which a clone of this token can be told, after init; it holds no key of the node and nothing secret",
        };
        var check = new Option<string?>("--check-proof")
        {
            Description = "also tell whether this token is a clone of the one that made this file: opens what that one sealed, evaluates what it "
                + "wrapped to the same result, signs with its key",
        };
        Option<bool> inMemory = ModeAdvice.Option();
        return common.Build(
            "doctor",
            "Looks at the PKCS#11 module and token of the configuration as the node would use them, before init or after, and prints what the "
            + "design needs, what there is, and what that means. Changes nothing: it tries things with keys that go with its sessions. Takes one "
            + "try of the PIN, and none where the token says that it is the last. May run beside a serving node, whose sessions the token then "
            + "counts, too. Exit status 0 when a node can serve with it, 5 when it cannot, or when the token is no clone.",
            [make, check, inMemory],
            (parsed, configuration, cancellation) => RunAsync(
                configuration, new Wish(parsed.GetValue(make), parsed.GetValue(check), parsed.GetValue(inMemory), parsed.GetValue(common.Json)), cancellation));
    }

    private static async Task<int> RunAsync(NodeConfiguration configuration, Wish wish, CancellationToken cancellation)
    {
        if (wish.MakeProof is { } taken && File.Exists(taken))
        {
            Terminal.Error($"{taken} is there already; name a new file");
            return ExitCode.Failed;
        }

        CloneProof? proof = wish.CheckProof is { } file ? CloneProof.Read(file) : null;
        EvaluationMode mode = ModeOf(configuration, proof, wish);
        if (wish.InMemory && mode != EvaluationMode.Memory)
        {
            Terminal.Error(ModeAdvice.Decided(mode));
            return ExitCode.Usage;
        }

        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        Pkcs11HsmOptions options = NodeRuntime.HsmOptions(configuration.Hsm, pin, mode);
        ModuleExamination found = await ModuleExaminer.ExamineAsync(options, cancellation);
        found = found with { Parts = [.. found.Parts, .. await KeyListExaminer.ExamineAsync(configuration, options, found, cancellation)] };
        if (proof is not null)
        {
            found = found with { Parts = [.. found.Parts, .. await CloneExaminer.ExamineAsync(proof, options, found, cancellation)] };
        }

        bool written = found.CanServe && wish.MakeProof is { } to && await MakeProofAsync(configuration, options, to, cancellation);
        Print(configuration, mode, found, written ? wish.MakeProof : null, wish.Json);
        return !found.CanServe ? ExitCode.Findings : wish.MakeProof is null || written ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>The mode that was decided, by the token that is to be cloned or by this node's init, or the one that is asked about.</summary>
    private static EvaluationMode ModeOf(NodeConfiguration configuration, CloneProof? proof, Wish wish) =>
        proof?.Evaluation
        ?? (File.Exists(configuration.DatabaseFile) ? NodeMode.Claimed(NodeRuntime.StoreOptions(configuration))
            : wish.InMemory ? EvaluationMode.Memory : EvaluationMode.Hsm);

    private static async Task<bool> MakeProofAsync(
        NodeConfiguration configuration, Pkcs11HsmOptions options, string to, CancellationToken cancellation)
    {
        if ((await TokenKeys.FindAsync(options, cancellation)).Count == 0)
        {
            Terminal.Error("the token has no keys yet that a clone could have; run 'custodian init' first");
            return false;
        }

        if (!File.Exists(configuration.DatabaseFile))
        {
            Terminal.Error("there is no database here that says which keys are the node's; make the proof on the node");
            return false;
        }

        if (NodeDatabase.SchemaOf(NodeRuntime.StoreOptions(configuration)) < Schema.WithKeyList)
        {
            Terminal.Error("the database is of an older program and does not list its keys yet; start 'custodian serve' once, which does that, and make the proof then");
            return false;
        }

        await using Pkcs11Hsm hsm = await Pkcs11Hsm.OpenAsync(options, cancellation);
        using NodeSecrets secrets = await NodeRuntime.OpenSecretsAsync(configuration, NodeRuntime.StoreOptions(configuration), hsm);
        if (KeyList.Read(NodeRuntime.StoreOptions(configuration), secrets) is not { } list)
        {
            Terminal.Error(KeyStanding.NoList);
            return false;
        }

        await hsm.RefreshKeysAsync(list.Authorised);
        (await CloneProof.MakeAsync(configuration.NodeId, hsm, list.Authorised, cancellation)).Write(to);
        return true;
    }

    private static void Print(NodeConfiguration configuration, EvaluationMode mode, ModuleExamination found, string? proof, bool json)
    {
        var report = new Report(configuration.Hsm.Module, configuration.Hsm.TokenLabel, found.CanServe, mode, found.Modes, found.Parts, found.Speed, proof);
        Terminal.Print(json, report, text => Write(report, text));
    }

    private static void Write(Report report, TextWriter text)
    {
        int width = report.Parts.Max(part => part.Needed.Length);
        text.WriteLine($"module   {report.Module}, token '{report.Token}'");
        text.WriteLine($"         {"needed".PadRight(width)}  found, and what it means");
        foreach (ExaminedPart part in report.Parts)
        {
            text.WriteLine($"{Word(part.Fitness),-7}  {part.Needed.PadRight(width)}  {part.Found}");
            if (part.Meaning.Length > 0)
            {
                text.WriteLine($"         {new string(' ', width)}  -> {part.Meaning}");
            }
        }

        if (report.Speed is { } speed)
        {
            text.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"speed    {speed.OnePerSecond:0} evaluations a second in one session, {speed.AllPerSecond:0} in {speed.Sessions} (hsm:sessions)"));
        }

        if (report.Proof is { } file)
        {
            text.WriteLine($"proof    {file}; take it to a clone of this token, and run custodian doctor --check-proof there");
        }

        text.WriteLine(report.CanServe ? "a node can serve with this token" : "UNFIT: see the parts that are marked so");
    }

    private static string Word(Fitness fitness) => fitness switch
    {
        Fitness.Good => "ok",
        Fitness.Weaker => "weaker",
        _ => "UNFIT",
    };
}
