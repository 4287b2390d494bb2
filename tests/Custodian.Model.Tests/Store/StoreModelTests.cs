using System.Collections.Concurrent;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Custodian.Model.Tests.Store;

/// <summary>The store and the rules of a node against a plain reference of protocol.md section 11, by sequences that nobody thought up.</summary>
public sealed class StoreModelTests(ITestOutputHelper output)
{
    private const int MostRows = 40;

    /// <summary>What has to have happened, or the scripts show nothing; the rare ones in the whole alone.</summary>
    private static readonly string[] s_common =
    [
        "Deposit P", "Deposit BAD_SIGNATURE", "Deposit STALE_GENERATION", "Deposit PENDING_EXISTS", "Activate A", "Activate WRONG_STATE",
        "Evaluate", "Evaluate ATTEMPTS_EXHAUSTED", "Evaluate DELAYED", "Confirm A", "Confirm ATTEMPT_UNKNOWN", "Retire D", "Delete D", "Crash",
        "CrashIn", "Restart", "Backup", "Restore", "Clock",
    ];

    private static readonly string[] s_rare =
    [
        "Deposit RECORD_CONFLICT", "Deposit RECORD_DESTROYED", "Deposit WRONG_STATE", "Evaluate ATTEMPT_REUSED", "Evaluate RECORD_DESTROYED",
        "Confirm S", "Retire WRONG_STATE", "Retire BAD_SIGNATURE", "Delete WRONG_STATE", "Delete BAD_SIGNATURE",
    ];

    [Fact]
    public void AnyScript_StoreAndReference_AgreeOnAnswersAccountsAndAuditLog()
    {
        ConcurrentDictionary<string, int> answers = [];
        int scripts = Effort.Times(25, 3000);
        Findings findings = Check(scripts, Flaw.None, answer => answers.AddOrUpdate(answer, 1, (_, before) => before + 1));
        output.WriteLine($"seed {Effort.Seed}: {scripts} scripts, {answers.Values.Sum()} steps");
        output.WriteLine(string.Join("; ", answers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key} {a.Value}")));
        Assert.True(findings.Difference is null, $"seed {Effort.Seed}, script {findings.Tests}:\n{findings.Script}\n{findings.Difference}");
        Assert.Empty((Effort.IsWhole ? [.. s_common, .. s_rare] : s_common).Except(answers.Keys));
    }

    [Fact]
    public void AnyScript_ReferenceThatAllowsAnAttemptTooMany_IsCaughtByAFewSteps() => AssertCaught(Flaw.OneAttemptTooMany, 12);

    [Theory]
    [Trait("Effort", "Long")]
    [InlineData(Flaw.ResendIsNotCounted, 4)]
    [InlineData(Flaw.PendingIsNotHeld, 3)]
    [InlineData(Flaw.RestoreGivesAttemptsBack, 4)]
    public void AnyScript_ReferenceWithAnotherFlaw_IsCaughtByAFewSteps(Flaw flaw, int atMost) => AssertCaught(flaw, atMost);

    private void AssertCaught(Flaw flaw, int atMost)
    {
        Findings findings = Check(500, flaw, _ => { });
        output.WriteLine($"seed {Effort.Seed}, script {findings.Tests}:\n{findings.Script}\n{findings.Difference}");
        Assert.NotNull(findings.Difference);
        Assert.InRange(findings.Script!.Steps.Length, 1, atMost);
    }

    private static Findings Check(int scripts, Flaw flaw, Action<string> answered)
    {
        Findings findings = new();
        Config config = Config.Quick
            .WithMaxTest(scripts)
            .WithStartSize(MostRows / 4)
            .WithEndSize(MostRows)
            .WithReplay(FSharpOption<Replay>.Some(new Replay(new Rnd((ulong)Effort.Seed, 1UL), FSharpOption<int>.None)))
            .WithRunner(findings);
        FsCheck.Check.One(config, Prop.ForAll(
            Scripts.Arbitrary,
            script => findings.Note(script, StoreRun.FirstDifference(script, new PlainNode(flaw), answered))));
        return findings;
    }

    /// <summary>Keeps the smallest script that failed.</summary>
    private sealed class Findings : IRunner
    {
        internal Script? Script { get; private set; }

        internal string? Difference { get; private set; }

        internal int Tests { get; private set; }

        internal bool Note(Script script, string? difference)
        {
            if (difference is not null)
            {
                (Script, Difference) = (script, difference);
            }

            return difference is null;
        }

        public void OnStartFixture(Type t)
        {
        }

        public void OnArguments(int ntest, FSharpList<object> args, FSharpFunc<int, FSharpFunc<FSharpList<object>, string>> every) =>
            Tests = ntest;

        public void OnShrink(FSharpList<object> args, FSharpFunc<FSharpList<object>, string> everyShrink)
        {
        }

        public void OnFinished(string name, TestResult result)
        {
            if (Difference is null && !result.IsPassed)
            {
                throw new XunitException($"seed {Effort.Seed}: {result}");
            }
        }
    }
}
