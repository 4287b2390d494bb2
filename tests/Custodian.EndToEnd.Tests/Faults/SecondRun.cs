namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>How the same command ends that is run once more on the very state that a crash left.</summary>
internal enum SecondRun
{
    /// <summary>It does what was asked; where it finds what was begun in its way, once it has waited for as long as it was told.</summary>
    Succeeds,

    /// <summary>Of an enrolment: enough nodes hold what was begun, and in effect somewhere. Its secret recovers it.</summary>
    IsEnrolled,

    /// <summary>The same, and in effect nowhere.</summary>
    IsPending,

    /// <summary>Of a change: it is in effect, and some nodes have given the old record up. The new secret is the one.</summary>
    IsOfReplacedRecord,

    /// <summary>Of a change: it is in effect, and fewer nodes than recover have the old record.</summary>
    IsOfAWrongSecret,

    /// <summary>
    /// Of a deletion: no record is left that recovers. By the secret that is so as soon as fewer nodes than recover have it: it opens nothing
    /// any more. The owner key still finds what is left.
    /// </summary>
    FindsNothing,

    /// <summary>Of <c>custody recover</c>: the key is in its file, which is not written over.</summary>
    HasTheKey,
}
