using System.Collections.Immutable;
using Custodian.Cli.Reporting;
using Custodian.Protocol;

namespace Custodian.Client.Tests.Cli;

public sealed class FailuresTests
{
    private static readonly NodeId One = NodeId.Parse("node-1.eu");
    private static readonly NodeId Two = NodeId.Parse("node-2.us");
    private static readonly NodeId Three = NodeId.Parse("node-3.ap");

    private static readonly NodeOutcome Unreachable = new(NodeCondition.Unreachable, "could not be reached: connection refused");
    private static readonly NodeOutcome TokenRejected =
        NodeOutcome.Refused(new NodeRefusal(RefusalReason.TokenRejected, null, null, null, null));

    public static TheoryData<Exception, int, string> Kinds => new()
    {
        { new WrongSecretException(9, TimeSpan.Zero, true, Nodes()), ExitCode.WrongSecret, "wrong_secret" },
        { new LockedException(TimeSpan.FromSeconds(30), null, 5, Nodes()), ExitCode.Locked, "locked" },
        { new LockedException(null, null, 0, Nodes()), ExitCode.Locked, "locked" },
        { new TooFewNodesException(3, 2, Nodes((One, Unreachable))), ExitCode.TooFewNodes, "too_few_nodes" },
        { new TokenRejectedException("why", Nodes((One, TokenRejected))), ExitCode.TokenRefused, "token_refused" },
        { new RecordNotFoundException([], Nodes()), ExitCode.NoRecord, "no_record" },
        { new RecordNotFoundException([Two], Nodes()), ExitCode.NoRecord, "no_record" },
        { new AlreadyEnrolledException(default, 1, false, Nodes()), ExitCode.Conflict, "already_enrolled" },
        { new AlreadyEnrolledException(default, 1, true, Nodes()), ExitCode.Conflict, "enrolment_unfinished" },
        { new OwnerKeyRejectedException(Nodes()), ExitCode.Conflict, "owner_key_refused" },
        { new EnrollmentRefusedException(3, 2, TimeSpan.FromSeconds(60), Nodes()), ExitCode.Conflict, "enrolment_in_progress" },
        { new EnrollmentRefusedException(3, 2, null, Nodes((One, Unreachable))).OfReplacedRecord(), ExitCode.Conflict, "secret_replaced" },
        { new EnrollmentRefusedException(3, 2, null, Nodes((One, Unreachable), (Two, TokenRejected))), ExitCode.TooFewNodes, "too_few_nodes" },
        { new EnrollmentRefusedException(3, 2, null, Nodes((One, TokenRejected), (Two, NodeOutcome.Answered))), ExitCode.TokenRefused, "token_refused" },
        { new UnsupportedSecretException(SecretProblem.Empty), ExitCode.Usage, "unsupported_secret" },
        { new KeyTooLargeException(1), ExitCode.Usage, "key_too_large" },
        { new CustodianSetException([new SetMistake("threshold", "too low")]), ExitCode.Usage, "set" },
        { new DamagedRecordException(Nodes()), ExitCode.Failed, "damaged_record" },
        { new OperationCanceledException(), ExitCode.Interrupted, "interrupted" },
        { new InvalidOperationException("Something else."), ExitCode.Failed, "failed" },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Of_Exception_HasItsExitCodeAndName(Exception error, int exitCode, string code)
    {
        CommandFailedException failure = Failures.Of(error);

        Assert.Equal((exitCode, code), (failure.ExitCode, failure.Code));
        Assert.All(new[] { failure.Message, failure.Hint ?? "none" }, AssertForm);
    }

    [Fact]
    public void Of_WrongSecret_ShowsTheAttemptsLeftAndTheDelay()
    {
        CommandFailedException failure = Failures.Of(new WrongSecretException(1, TimeSpan.FromSeconds(30), true, Nodes()));

        Assert.Equal("wrong secret: 1 attempt left", failure.Message);
        Assert.Equal("the next attempt can be made in 30 s", failure.Hint);
    }

    [Fact]
    public void Of_WrongSecretThatIsNotCertain_DoesNotBlameTheUserAlone() => Assert.StartsWith(
        "wrong secret, or a node answered falsely", Failures.Of(new WrongSecretException(3, null, false, Nodes())).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_NoAttemptLeft_PointsToTheOwnerKey(bool wrong)
    {
        Exception error = wrong ? new WrongSecretException(0, null, true, Nodes()) : new LockedException(null, null, 0, Nodes());

        Assert.Contains("custody change-secret --owner-key", Failures.Of(error).Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_Untrusted_WarnsOfSomeoneInBetween()
    {
        var nodes = Nodes((One, new NodeOutcome(NodeCondition.Untrusted, "its certificate is not the one pinned")));

        Assert.Contains("somebody may stand between", Failures.Of(new TooFewNodesException(3, 2, nodes)).Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Fail_ForAPerson_NamesTheNodesThatFailedAndTheHint()
    {
        using Console console = new();

        new Reporter(console.Surroundings(), json: false, quiet: true).Fail(
            Failures.Of(new TooFewNodesException(3, 2, Nodes((Two, NodeOutcome.Answered), (One, Unreachable)))));

        Assert.Equal(
            """
            custody: 3 nodes are needed and 2 did what was asked
              node-1.eu: could not be reached: connection refused
            hint: check your connection, and try again in a few minutes; the key is still kept

            """,
            console.Messages);
        Assert.Equal("", console.Output);
    }

    [Fact]
    public void Fail_ForAScript_IsOneJsonObjectAndNothingElse()
    {
        using Console console = new();
        Reporter reporter = new(console.Surroundings(), json: true, quiet: false);

        reporter.Step("working");
        reporter.Warn("careful", "do something");
        reporter.Fail(Failures.Of(new WrongSecretException(7, TimeSpan.FromSeconds(1.5), true, Nodes((One, NodeOutcome.Answered)))));

        const string Failure = """
            {"error":"wrong_secret","message":"wrong secret: 7 attempts left","hint":"the next attempt can be made in 2 s",
            "attempts_left":7,"retry_after_seconds":2,"certain":true,
            "nodes":{"node-1.eu":{"condition":"answered","explanation":"answered"}},"warnings":["careful; do something"]}
            """;
        Assert.Equal(
            Failure.Replace(",\n", ",", StringComparison.Ordinal) + "\n",
            console.Output);
        Assert.Equal("", console.Messages);
    }

    [Fact]
    public void ForeignAttempts_ThresholdNodesCount_IsTheThresholdThHighest() => Assert.Equal(
        "someone tried 4 times since the key was last recovered",
        ForeignAttempts.Text(Counts((One, 99), (Two, 4), (Three, 5)), threshold: 3));

    [Fact]
    public void ForeignAttempts_TooFewNodesCount_AreNamed() => Assert.Equal(
        "someone tried, at too few nodes to learn anything if those that did not answer saw none: node-1.eu counts 9, node-3.ap counts 1",
        ForeignAttempts.Text(Counts((Three, 1), (One, 9)), threshold: 3));

    [Fact]
    public void Name_Condition_IsSnakeCase() => Assert.Equal("timed_out", NodeReport.Name(NodeCondition.TimedOut));

    [Fact]
    public void Text_EveryStage_IsASentenceOfItsOwn()
    {
        string[] lines = [.. Enum.GetValues<CustodyStage>().Select(s => StepLines.Text(s, 5))];

        Assert.Equal(lines.Length, lines.Distinct().Count());
        Assert.All(lines, AssertForm);
    }

    private static void AssertForm(string text)
    {
        Assert.False(char.IsUpper(text[0]), text);
        Assert.False(text.EndsWith('.'), text);
    }

    private static ImmutableDictionary<NodeId, int> Counts(params (NodeId Node, int Count)[] counts) =>
        counts.ToImmutableDictionary(c => c.Node, c => c.Count);

    private static ImmutableDictionary<NodeId, NodeOutcome> Nodes(params (NodeId Node, NodeOutcome Outcome)[] nodes) =>
        nodes.ToImmutableDictionary(n => n.Node, n => n.Outcome);
}
