using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.Protocol;

namespace Custodian.Cli.Reporting;

/// <summary>What a person and a script are told about each kind of failure. A person may just have lost a phone.</summary>
internal static class Failures
{
    private const string Exhausted =
        "the key is still kept; a device that has the key and its owner key can set a new secret: "
        + "custody change-secret --owner-key FILE --key FILE";

    internal static CommandFailedException Of(Exception error) => error switch
    {
        CommandFailedException known => known,
        OperationCanceledException => new(ExitCode.Interrupted, "interrupted", "interrupted"),
        CustodianSetException set => OfSet(set),
        WrongSecretException wrong => OfWrongSecret(wrong),
        LockedException locked => Locked(locked.Delay, locked.Until, locked.AttemptsLeft, NodeReport.Lines(locked.Nodes)),
        EnrollmentRefusedException refused => OfEnrollment(refused),
        TokenRejectedException tokens => TokenRefused(NodeReport.Lines(tokens.Nodes)),
        RecordNotFoundException none => NoRecord(none.Remains, NodeReport.Lines(none.Nodes)),
        CustodyException custody => OfCustody(custody),
        ArgumentException misuse => CommandFailedException.Usage(Wording.Of(misuse)),
        _ => new(ExitCode.Failed, "failed", Wording.Of(error)),
    };

    /// <summary>No attempt is free now.</summary>
    /// <param name="delay">How long until one is; null when none is left at all.</param>
    /// <param name="until">The same as a time, if it is known.</param>
    /// <param name="attemptsLeft">How many are left then.</param>
    /// <param name="nodes">How the nodes fared.</param>
    internal static CommandFailedException Locked(TimeSpan? delay, DateTimeOffset? until, int attemptsLeft, ImmutableArray<NodeLine> nodes)
    {
        string message = delay is { } wait
            ? $"locked after wrong secrets: the next attempt can be made in {Wording.Duration(wait)}{At(until)}, "
                + $"{Wording.Count(attemptsLeft, "attempt")} left"
            : "locked: all attempts are used";
        string hint = delay is null ? Exhausted : "no attempt was spent; wait, and take care with the next one";
        return new CommandFailedException(ExitCode.Locked, "locked", message, hint)
        {
            Nodes = nodes,
            Details = [new("attempts_left", attemptsLeft), RetryAfter(delay), new("exhausted", delay is null)],
        };
    }

    /// <summary>Tokens are missing or were rejected.</summary>
    internal static CommandFailedException TokenRefused(ImmutableArray<NodeLine> nodes) => new(
        ExitCode.TokenRefused,
        "token_refused",
        "the access tokens are missing or were rejected",
        "log in again to get new tokens, one for each node")
    {
        Nodes = nodes,
    };

    /// <summary>The account has no record that could be recovered; what is left of one keeps the next from the nodes that have it.</summary>
    private static CommandFailedException NoRecord(ImmutableArray<NodeId> remains, ImmutableArray<NodeLine> nodes)
    {
        (string message, string hint) = remains.IsEmpty
            ? ("no key is enrolled for this account",
                "check that you logged in as the user who enrolled, and that the set file is that of the same app")
            : ($"no key can be recovered: what is left of one at {NodeReport.Join(remains)} is too little",
                "custody delete --owner-key FILE removes it; without that key, the operators can (custodian account destroy)");
        return new CommandFailedException(ExitCode.NoRecord, "no_record", message, hint) { Nodes = nodes };
    }

    /// <summary>Whether a node was lost to its token rather than to an outage.</summary>
    internal static bool IsTokenFailure(NodeOutcome outcome) =>
        outcome.Condition == NodeCondition.NoToken
        || outcome.Refusal?.Reason is RefusalReason.TokenRejected or RefusalReason.ScopeMissing;

    private static CommandFailedException OfCustody(CustodyException error)
    {
        (int exit, string code, string message, string? hint) = error switch
        {
            TooFewNodesException few => (ExitCode.TooFewNodes, "too_few_nodes",
                $"{few.Needed} nodes are needed and {few.Answered} did what was asked", HintFor(error)),
            AlreadyEnrolledException { IsPending: true } => (ExitCode.Conflict, "enrolment_unfinished",
                "a key is stored already for this account and not in effect yet: its enrolment was interrupted, or is going on",
                "custody recover with the secret of that enrolment finishes it; --replace-pending gives it up for ever"),
            AlreadyEnrolledException => (ExitCode.Conflict, "already_enrolled", "a key is enrolled already for this account",
                "custody change-secret gives it a new secret, custody delete removes it"),
            OwnerKeyRejectedException => (ExitCode.Conflict, "owner_key_refused",
                "the owner key is not that of the record that is kept now", "another device has replaced the record; use its owner key, or the secret"),
            UnsupportedSecretException => (ExitCode.Usage, "unsupported_secret", error.Message, "no attempt was spent"),
            KeyTooLargeException large => (ExitCode.Usage, "key_too_large",
                $"the key and its label are {Wording.Count(large.Excess, "byte")} too large", "up to about 63 KiB fit; nothing was sent"),
            DamagedRecordException => (ExitCode.Failed, "damaged_record", error.Message, "the secret is right, but only the device that enrolled the key has it"),
            _ => (ExitCode.Failed, "failed", Wording.Of(error), (string?)null),
        };
        return new CommandFailedException(exit, code, message, hint) { Nodes = NodeReport.Lines(error.Nodes) };
    }

    private static bool NodeIsMissing(WrongSecretException wrong) =>
        wrong.Nodes.Values.Any(n => n.Condition != NodeCondition.Answered);

    private static CommandFailedException OfWrongSecret(WrongSecretException wrong)
    {
        string what = wrong.IsCertain ? "wrong secret" : "wrong secret, or a node answered falsely";
        string hint = wrong.AttemptsLeft == 0 ? Exhausted
            : wrong.Delay is { } wait && wait > TimeSpan.Zero ? $"the next attempt can be made in {Wording.Duration(wait)}"
            : wrong.IsCertain || !NodeIsMissing(wrong) ? "check the keyboard layout and capitals, and try again"
            : "if you are sure of it, try again when more nodes answer";
        return new CommandFailedException(
            ExitCode.WrongSecret, "wrong_secret", $"{what}: {Wording.Count(wrong.AttemptsLeft, "attempt")} left", hint)
        {
            Nodes = NodeReport.Lines(wrong.Nodes),
            Details = [new("attempts_left", wrong.AttemptsLeft), RetryAfter(wrong.Delay), new("certain", wrong.IsCertain)],
        };
    }

    private static CommandFailedException OfEnrollment(EnrollmentRefusedException refused)
    {
        ImmutableArray<NodeLine> nodes = NodeReport.Lines(refused.Nodes);
        if (refused.IsOfReplacedRecord)
        {
            return new CommandFailedException(
                ExitCode.Conflict,
                "secret_replaced",
                "the secret has been changed already, by a change that was interrupted before it was finished; nothing was changed now",
                "use the secret of that change: it recovers the key, and finishes the change")
            {
                Nodes = nodes,
            };
        }

        if (refused.RetryAfter is { } wait)
        {
            return new CommandFailedException(
                ExitCode.Conflict,
                "enrolment_in_progress",
                "another enrolment for this account is in progress, or was interrupted",
                $"it gives way in {Wording.Duration(wait)}; try again then. What was kept before is untouched")
            {
                Nodes = nodes, Details = [RetryAfter(wait)],
            };
        }

        bool tokens = refused.Nodes.Values.Any(IsTokenFailure) && refused.Nodes.Values.All(n => n.Condition == NodeCondition.Answered || IsTokenFailure(n));
        return new CommandFailedException(
            tokens ? ExitCode.TokenRefused : ExitCode.TooFewNodes,
            tokens ? "token_refused" : "too_few_nodes",
            "too few nodes could store the key, so none keeps it; what was kept before is untouched",
            tokens ? "log in again to get new tokens, one for each node"
                : "try again when all nodes answer; with --allow-missing, one more than a recovery needs is enough")
        {
            Nodes = nodes,
        };
    }

    private static CommandFailedException OfSet(CustodianSetException set) => new(
        ExitCode.Usage,
        "set",
        "the set of custodians cannot be used: " + string.Join("; ", set.Mistakes),
        "get the set file again from the app that you enrolled with");

    private static string HintFor(CustodyException error) =>
        error.Nodes.Values.Any(n => n.Condition == NodeCondition.Untrusted)
            ? "somebody may stand between you and a node, or the set file is old: get it again from the app"
        : error.IsTransient ? "check your connection, and try again in a few minutes; the key is still kept"
        : "see above what each node said";

    private static string At(DateTimeOffset? until) =>
        until is { } time ? $" (at {time.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)})" : "";

    private static KeyValuePair<string, JsonNode?> RetryAfter(TimeSpan? wait) =>
        new("retry_after_seconds", wait is { } time ? (long)Math.Ceiling(time.TotalSeconds) : null);
}
