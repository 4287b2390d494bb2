using Custodian.Pkcs11;

namespace Custodian.Node.Storage.Verification;

/// <summary>One thing that is not as the node left it.</summary>
/// <param name="Part">Where: <c>file</c>, <c>schema</c>, <c>account</c>, <c>record</c>, <c>audit</c>, <c>slot</c>, <c>body</c> or <c>key</c>.</param>
/// <param name="Account">The first eight bytes of the account row's name, in hexadecimal; null when it concerns no one account.</param>
/// <param name="Record">The record_id in hexadecimal, or the key of another row; null when it concerns no one row.</param>
/// <param name="What">What is wrong.</param>
/// <param name="Next">What to do about it.</param>
internal sealed record Finding(string Part, string? Account, string? Record, string What, string Next)
{
    /// <summary>Whether it leaves known what every record there is is under: it is of what no record rests on, and nothing was left unchecked for it.</summary>
    internal bool LeavesRecordsKnown => (Part, Next) is ("slot" or "body", FindingAdvice.Stray) or ("audit", FindingAdvice.Audit) or ("key", FindingAdvice.Key);
}

/// <summary>What a verification went through and found.</summary>
internal sealed class VerificationReport
{
    /// <summary>Findings that are listed; further ones are counted.</summary>
    internal const int MostListed = 1000;

    private readonly List<Finding> _findings = [];

    internal long Accounts { get; set; }

    internal long Records { get; set; }

    internal long AuditEntries { get; set; }

    internal long FreeSlots { get; set; }

    /// <summary>How many records that authenticated are under which versions.</summary>
    internal Dictionary<BlobVersions, long> RecordsUnder { get; } = [];

    /// <summary>Records that authenticated and whose sealed part names no version.</summary>
    internal long UnreadableRecords { get; set; }

    /// <summary>Sealed parts that belong to no record and lie in no free slot, by the versions that they name: nothing of them authenticates.</summary>
    internal Dictionary<BlobVersions, long> StrayUnder { get; } = [];

    /// <summary>Sealed parts that the HSM opened; 0 when it was not asked to.</summary>
    internal long SealedParts { get; set; }

    internal IReadOnlyList<Finding> Findings => _findings;

    /// <summary>All findings, those that are not listed included.</summary>
    internal long FindingCount { get; private set; }

    internal bool IsSound => FindingCount == 0;

    /// <summary>Whether, in spite of findings, it is known what the records that there are are under, and none of them is of a key.</summary>
    /// <param name="label">The key's.</param>
    internal bool LeavesKnownWhatIsUnder(string label) => FindingCount == Findings.Count && Findings.All(f => f.LeavesRecordsKnown && f.Record != label);

    internal void Add(Finding finding)
    {
        FindingCount++;
        if (_findings.Count < MostListed)
        {
            _findings.Add(finding);
        }
    }
}

/// <summary>What an operator can do about what was found.</summary>
internal static class FindingAdvice
{
    internal const string Account =
        "every call on this account is refused and the others are served; keep a copy of the database for whoever looks into it, then destroy "
        + "the account here ('custodian account destroy --tampered', it needs the user's issuer and subject) so that the user can enrol again, "
        + "or restore a backup, which takes every account back to the backup's time";

    internal const string Key =
        "an Evaluate of those records is refused and the others are served; bring the key back from the HSM's backup; where it was retired on "
        + "purpose those records are lost at this node, and their users enrol again; where rows were edited to name it, restore a backup";

    internal const string KeyList =
        "everything that is stored opens; 'custodian serve' makes nothing new under keys that nobody named: find out who could write to this file, and "
        + "restore the newest backup that verifies, or name the keys anew with 'custodian keys adopt' once you know that they are the node's";

    internal const string Audit =
        "the log tells less than what happened; keep a copy of the database for whoever looks into it, and ask who could write to this file";

    internal const string File =
        "the file is damaged: stop the node, look into the disk, and restore the newest backup that verifies with 'custodian restore'";

    internal const string Schema =
        "the node serves nothing from tables that it did not make; find out who changed them, and restore the newest backup that verifies";

    internal const string Stray = "no rule reads it; keep a copy of the database for whoever looks into it, and ask who could write to this file";
}
