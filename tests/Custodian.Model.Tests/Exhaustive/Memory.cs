using System.Collections.Immutable;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>A node's last word to a client.</summary>
internal enum Word
{
    None,
    Answered,
    Refused,
    Lost,
}

/// <summary>What a client knows of one node, and what it is going to ask it in this round, one call after the other.</summary>
internal sealed record Memory
{
    internal static readonly Memory Nothing = new();

    /// <summary>The number of the account that the node showed; null when it has not said.</summary>
    internal int? View { get; init; }

    internal Word Last { get; init; }

    /// <summary>Whether it made its key for the new record, so that a Deposit was sent.</summary>
    internal bool Prepared { get; init; }

    /// <summary>Whether it answered the Deposit.</summary>
    internal bool Took { get; init; }

    /// <summary>Whether it answered the Activate, or the Confirm with the record in effect.</summary>
    internal bool Active { get; init; }

    /// <summary>The sequence of its answer to Evaluate; 0 for none.</summary>
    internal ulong Sequence { get; init; }

    internal ImmutableArray<Call> Todo { get; init; } = [];

    /// <summary>Whether a charge of this device is going to be confirmed.</summary>
    internal bool Claims => Sequence > 0 || Todo.Any(c => c.Kind == CallKind.Confirm);

    internal string Key => $"{View} {Last} {Prepared} {Took} {Active} {Sequence} {string.Join("; ", Todo)}";
}

/// <summary>What a client is asked to do.</summary>
internal enum Wish
{
    /// <summary>EnrollAsync.</summary>
    Enrol,

    /// <summary>EnrollAsync with ReplacePending.</summary>
    EnrolDisplacing,

    /// <summary>ReplaceAsync with the owner key of a record.</summary>
    Replace,

    /// <summary>ChangeSecretAsync with the secret of a record.</summary>
    Change,

    /// <summary>RecoverAsync with the secret of a record, and its settlement.</summary>
    Recover,

    /// <summary>DeleteAsync with the secret of a record.</summary>
    Delete,

    /// <summary>DeleteAsync with the owner key of a record.</summary>
    DeleteOwned,
}

internal enum Step
{
    RecoverySurvey,
    Evaluating,
    Confirming,
    RetiringAfterRecovery,
    Survey,
    BringingForward,
    SecondSurvey,
    Preparing,
    Depositing,
    Displacing,
    Undoing,
    Activating,
    Aftermath,
    Removing,
    Succeeded,
    Failed,
}

/// <summary>Where a client is in what it does; what it knows of each node is beside it.</summary>
internal sealed record Stage
{
    internal required string Device { get; init; }

    internal required Wish Wish { get; init; }

    /// <summary>The record whose secret or owner key was given.</summary>
    internal Paper? Given { get; init; }

    internal required Step Step { get; init; }

    /// <summary>The record that is being made.</summary>
    internal Paper? Mine { get; init; }

    /// <summary>The records whose owner keys are known, that of the replaced one first.</summary>
    internal ImmutableArray<Paper> Ring { get; init; } = [];

    /// <summary>The records to try, of which <see cref="Trial"/> is being tried.</summary>
    internal ImmutableArray<Paper> Order { get; init; } = [];

    internal int Trial { get; init; }

    internal bool IsOlder { get; init; }

    /// <summary>Whether the client dies in this round: some of its calls are sent, and no answer matters any more.</summary>
    internal bool IsCrashing { get; init; }

    /// <summary>Whether a Delete of what is in effect was begun.</summary>
    internal bool Deletes { get; init; }

    /// <summary>Whether threshold nodes said that they have the new record in effect.</summary>
    internal bool IsInEffect { get; init; }

    internal bool IsEnded => Step is Step.Succeeded or Step.Failed;

    internal string Key => $"{Device} {Step} {Mine} {string.Join(',', Ring)} {string.Join(',', Order)} {Trial} "
        + $"{IsOlder} {IsCrashing} {Deletes} {IsInEffect}";
}
