using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// The nodes did not take the new record. What the user had before is untouched, and what had been stored of the new record was deleted
/// again where it could be reached; only where it was in effect already when another device's record took its place elsewhere does it stay.
/// </summary>
public sealed class EnrollmentRefusedException : CustodyException
{
    internal EnrollmentRefusedException(int needed, int stored, TimeSpan? retryAfter, IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base($"{needed} nodes must store a new record and {stored} did: {Describe(nodes)}", nodes) => RetryAfter = retryAfter;

    private EnrollmentRefusedException(EnrollmentRefusedException refused)
        : base($"the secret is of a record that was replaced, and only the secret of the one in effect changes it everywhere: {Describe(refused.Nodes)}", refused.Nodes) =>
        IsOfReplacedRecord = true;

    /// <summary>
    /// Whether the secret opened a record that a newer one has replaced, and some nodes hold the newer one alone: a change of secret had come
    /// into effect and was interrupted before it was finished. The secret of that change recovers, and changes.
    /// </summary>
    public bool IsOfReplacedRecord { get; }

    /// <summary>
    /// When another enrolment, by another device or one that was interrupted, stands in the way: how long until it gives way. Else null.
    /// </summary>
    public TimeSpan? RetryAfter { get; }

    /// <inheritdoc/>
    public override bool IsTransient => !IsOfReplacedRecord && (RetryAfter is not null || AnyTransient(Nodes));

    internal EnrollmentRefusedException OfReplacedRecord() => new(this);
}

/// <summary>
/// The user has a record already. It is replaced with <see cref="CustodianClient.ChangeSecretAsync"/> or
/// <c>ReplaceAsync</c> of <see cref="CustodianClient"/>, which prove that its owner wants that.
/// </summary>
public sealed class AlreadyEnrolledException : CustodyException
{
    internal AlreadyEnrolledException(RecordId record, ulong generation, bool isPending, IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base(Text(record, generation, isPending), nodes) => (Record, Generation, IsPending) = (record, generation, isPending);

    /// <summary>The record that is there.</summary>
    public RecordId Record { get; }

    /// <summary>Its generation.</summary>
    public ulong Generation { get; }

    /// <summary>
    /// Whether it is in effect at no node that answered: its enrolment was interrupted, or is going on. A recovery with its secret puts it
    /// into effect; <see cref="EnrollOptions.ReplacePending"/> displaces it for ever.
    /// </summary>
    public bool IsPending { get; }

    private static string Text(RecordId record, ulong generation, bool isPending) =>
        $"the user has a record already, {record} of generation {generation}"
        + (isPending ? ", stored and not in effect yet: a recovery with its secret puts it into effect" : "");
}

/// <summary>The owner key is not that of the record that the nodes hold: another device has replaced the record since.</summary>
public sealed class OwnerKeyRejectedException : CustodyException
{
    internal OwnerKeyRejectedException(IReadOnlyDictionary<NodeId, NodeOutcome> nodes)
        : base("the owner key is not that of the user's present record", nodes)
    {
    }
}

/// <summary>The user's secret cannot be used. Nothing was sent.</summary>
public sealed class UnsupportedSecretException : CustodyException
{
    internal UnsupportedSecretException(SecretProblem problem)
        : base(Text(problem), NoNodes) => Problem = problem;

    /// <summary>Why.</summary>
    public SecretProblem Problem { get; }

    private static string Text(SecretProblem problem) => problem switch
    {
        SecretProblem.Empty => "the secret is empty",
        SecretProblem.UnpairedSurrogate => "the secret holds half of a character",
        SecretProblem.UnassignedCodePoint => "the secret holds a character that this system does not know, and might read differently later",
        SecretProblem.NormalisationUnavailable =>
            "the secret is not plain ASCII, and this process cannot normalise it: .NET runs in invariant globalization mode or without ICU",
        _ => "the secret cannot be used",
    };
}

/// <summary>The private key is too large for a record. Nothing was sent.</summary>
public sealed class KeyTooLargeException : CustodyException
{
    internal KeyTooLargeException(int excess)
        : base($"the key, its label and its content type are {excess} bytes too large for a record", NoNodes) => Excess = excess;

    /// <summary>By how many bytes key, label and content type together are too large. They fit up to about 63 KiB.</summary>
    public int Excess { get; }
}
