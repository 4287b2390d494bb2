namespace Custodian.Client;

/// <summary>How a key is enrolled: what is kept beside it, inside the envelope, where only the user can read it, and what may give way.</summary>
public sealed record EnrollOptions
{
    /// <summary>The user's name for the key. Default empty.</summary>
    public string Label { get; init; } = "";

    /// <summary>A media type that says how to read the key. Default <c>application/octet-stream</c>.</summary>
    public string ContentType { get; init; } = "application/octet-stream";

    /// <summary>
    /// For a first enrolment: whether it may displace a record that enough nodes hold and that is in effect at none of them, as an
    /// enrolment leaves it that was interrupted before its end. The secret of that record recovers it until then, and nothing does
    /// afterwards. Default false: <see cref="AlreadyEnrolledException"/>.
    /// <para>
    /// Only when no other device of the user is enrolling any more, slow ones included: where that one is just putting its record into
    /// effect, the two can leave the account with a record in effect at too few nodes, which nothing recovers and no enrolment displaces,
    /// until the operators of those nodes destroy it.
    /// </para>
    /// </summary>
    public bool ReplacePending { get; init; }
}
