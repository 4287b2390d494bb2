namespace Custodian.Model.Tests.Store;

/// <summary>What a reference can get wrong.</summary>
public enum Flaw
{
    None,
    OneAttemptTooMany,
    ResendIsNotCounted,
    PendingIsNotHeld,
    RestoreGivesAttemptsBack,
}

/// <summary>
/// protocol.md section 11 once more, for a reader: no signatures, no bytes, no database. It says what a node answers, in words, and what
/// its log tells; written from the text, and from nothing of what a node is made of.
/// </summary>
/// <param name="flaw">What it gets wrong, to see that somebody notices.</param>
internal sealed class PlainNode(Flaw flaw = Flaw.None)
{
    /// <summary>Section 11 says that sequences never go back; how far a restored copy leaps ahead is the node's choice.</summary>
    private const ulong Leap = 1UL << 32;

    private const int MostLive = 8;
    private const int MostTombstones = 16;
    private PlainAccount[] _accounts = [new(), new()];
    private List<string> _log = [];
    private (PlainAccount[] Accounts, List<string> Log)? _backup;

    internal long Now { get; set; }

    internal IReadOnlyList<string> Log => _log;

    internal string Describe(char anyOf) => Account(anyOf).Describe(this);

    internal string Do(Step step) => step switch
    {
        Deposit s => Deposit(s),
        Activate s => On(s.Record, r => !s.Signed ? "BAD_SIGNATURE" : r.State switch
        {
            'P' => Tell(Promote(s.Record, r), "Activated", r),
            'A' => Told(r),
            _ => "WRONG_STATE",
        }),
        Evaluate s => On(s.Record, r => Evaluate(s, r)),
        Confirm s => On(s.Record, r => Confirm(s, r)),
        Retire s => OrGone(s.Record, r => r.State != 'S' || Account(s.Record).In('A') is not { } active ? "WRONG_STATE"
            : active.Name != s.By ? "BAD_SIGNATURE"
            : Tell(Account(s.Record).Bury(r), "Retired", r)),
        Delete s => OrGone(s.Record, r => !s.Signed ? "BAD_SIGNATURE" : r.State != s.Believed ? "WRONG_STATE" : Tell(Remove(s, r), "Deleted", r)),
        _ => "",
    };

    /// <summary>The sequence that an attempt was last charged with; 0 for never.</summary>
    internal ulong SequenceOf(char record, int attempt) =>
        Account(record).Find(record) is not { } r ? 0
        : r.Charges.Find(c => c.Attempt == attempt) is { } charge ? charge.Sequence
        : r.Confirmed == attempt ? r.ConfirmedSequence : 0;

    internal void Backup() => _backup = ([.. _accounts.Select(a => a.Copy())], [.. _log]);

    /// <summary>Every record is left at most one attempt until its next Confirm.</summary>
    internal bool Restore()
    {
        if (_backup is not { } copy)
        {
            return false;
        }

        (_accounts, _log) = ([.. copy.Accounts.Select(a => a.Copy())], [.. copy.Log]);
        foreach (PlainAccount account in _accounts.Where(a => a.Live.Count > 0).OrderBy(a => a.Born))
        {
            account.Live.ForEach(flaw == Flaw.RestoreGivesAttemptsBack ? _ => { } : Restrain);
            Tell("", "Restored", account.Live.MaxBy(r => r.Generation)!);
        }

        return true;
    }

    internal long WaitMs(PlainRecord r)
    {
        int attempt = r.Charges.Count + 1;
        long delay = attempt <= 3 ? 0 : (long)Math.Min(30_000 * Math.Pow(2, attempt - 4), 24 * 3600 * 1000);
        return r.Charges.Count == 0 ? 0 : Math.Max(0, delay - (Now - Math.Min(Now, r.Charges.Max(c => c.Ms))));
    }

    private void Restrain(PlainRecord r)
    {
        int missing = Math.Max(0, r.Allowed - 1 - r.Charges.Count);
        ulong first = r.Last + Leap;
        for (int i = 0; i < missing; i++)
        {
            r.Charges.Add(new PlainCharge(-1, -1, 0, first + (ulong)i) { Evaluations = 2 });
        }

        r.Last = first + (ulong)missing;
    }

    private PlainAccount Account(char record) => _accounts[char.IsLower(record) ? 1 : 0];

    private string On(char name, Func<PlainRecord, string> call) =>
        Account(name).Find(name) is { } record ? call(record)
        : Account(name).IsGone(name) ? "RECORD_DESTROYED" : "RECORD_NOT_FOUND";

    private string OrGone(char name, Func<PlainRecord, string> call) => Account(name).IsGone(name) ? "D 0" : On(name, call);

    private static string Told(PlainRecord r) => $"{r.State} {r.Left}";

    private string Tell(string answer, string what, PlainRecord r, int attempt = -1)
    {
        _log.Add($"{what} {r.Name} {r.Generation} {(attempt < 0 ? "-" : $"{attempt}")} {r.Charges.Count} at {Now}");
        return answer;
    }

    private string Deposit(Deposit s)
    {
        PlainAccount account = Account(s.Record);
        if (account.IsGone(s.Record))
        {
            return "RECORD_DESTROYED";
        }

        if (account.Find(s.Record) is { } stored)
        {
            return stored.OtherShare == s.OtherShare ? Told(stored) : "RECORD_CONFLICT";
        }

        return !s.Signed ? "BAD_SIGNATURE" : MayNotStore(s, account) ?? Store(s, account);
    }

    private string? MayNotStore(Deposit s, PlainAccount account)
    {
        List<PlainRecord> inEffect = account.Live.FindAll(r => r.State != 'P');
        ulong generation = Cast.Generation(s.Record);
        PlainRecord? pending = account.In('P');
        long age = pending is null ? 0 : Now - Math.Min(Now, pending.StoredMs);
        return generation <= account.Forgotten || inEffect.Exists(r => r.Generation >= generation) ? "STALE_GENERATION"
            : inEffect.Count > 0 && !inEffect.Exists(r => r.Name == s.Replacing) ? "BAD_SIGNATURE"
            : pending is not null && age <= 60_000 && flaw != Flaw.PendingIsNotHeld ? $"PENDING_EXISTS {60_001 - age}"
            : pending is not null && s.Displacing != pending.Name ? "PENDING_EXISTS 0"
            : inEffect.Count >= MostLive ? "WRONG_STATE"
            : null;
    }

    private string Store(Deposit s, PlainAccount account)
    {
        if (account.In('P') is { } displaced)
        {
            account.Bury(displaced);
        }

        PlainRecord record = new(s.Record, Cast.Generation(s.Record), Cast.MaxAttempts(s.Record), s.OtherShare, Now);
        account.Live.Add(record);
        account.Born ??= _log.Count;
        account.Highest = Math.Max(account.Highest, record.Generation);
        return Tell(Told(record), "Deposited", record);
    }

    private string Promote(char name, PlainRecord record)
    {
        if (Account(name).In('A') is { } former)
        {
            former.State = 'S';
        }

        record.State = 'A';
        return Told(record);
    }

    private string Evaluate(Evaluate s, PlainRecord r)
    {
        if (r.Charges.Find(c => c.Attempt == s.Attempt) is { } charge)
        {
            if (charge.Point != s.Point)
            {
                return "ATTEMPT_REUSED";
            }

            charge.Evaluations += flaw == Flaw.ResendIsNotCounted ? 0 : 1;
            return Tell($"{charge.Sequence} {r.Left}", "Resent", r, s.Attempt);
        }

        if (r.Confirmed == s.Attempt)
        {
            return "ATTEMPT_REUSED";
        }

        bool isExhausted = r.Charges.Count >= r.Allowed + (flaw == Flaw.OneAttemptTooMany ? 1 : 0);
        return isExhausted ? "ATTEMPTS_EXHAUSTED" : WaitMs(r) is > 0 and var wait ? $"DELAYED {wait}" : Charge(s, r);
    }

    private string Charge(Evaluate s, PlainRecord r)
    {
        r.Charges.Add(new PlainCharge(s.Attempt, s.Point, Now, ++r.Last));
        Tell("", "Charged", r, s.Attempt);
        return $"{r.Last} {r.Left}";
    }

    /// <summary>The HSM failed: the charge is taken back, unless the attempt was tried before.</summary>
    internal string Refund(Evaluate s)
    {
        PlainRecord r = Account(s.Record).Find(s.Record)!;
        PlainCharge charge = r.Charges.Find(c => c.Attempt == s.Attempt)!;
        if (charge.Evaluations > 1)
        {
            return Told(r);
        }

        r.Charges.Remove(charge);
        return Tell(Told(r), "Refunded", r, s.Attempt);
    }

    private string Confirm(Confirm s, PlainRecord r)
    {
        ulong sequence = SequenceOf(s.Record, s.Attempt) + (s.OtherSequence ? 1UL : 0);
        if (!s.Signed)
        {
            return "BAD_SIGNATURE";
        }

        if (r.Charges.Find(c => c.Attempt == s.Attempt) is not { } charge || charge.Sequence != sequence || sequence <= r.ConfirmedSequence)
        {
            return r.Confirmed == s.Attempt && r.ConfirmedSequence == sequence && r.Charges.Count == 0 ? Told(r) : "ATTEMPT_UNKNOWN";
        }

        r.Charges.Clear();
        (r.Confirmed, r.ConfirmedSequence) = (s.Attempt, sequence);
        string answer = r.State == 'P' ? Promote(s.Record, r) : "";
        return Tell(answer + Told(r)[answer.Length..], "Confirmed", r, s.Attempt);
    }

    private string Remove(Delete s, PlainRecord r)
    {
        PlainAccount account = Account(s.Record);
        List<PlainRecord> gone = r.State == 'A' ? [.. account.Live.OrderBy(x => x.Generation)] : [r];
        gone.ForEach(x => account.Bury(x));
        return "D 0";
    }

    internal sealed record PlainCharge(int Attempt, int Point, long Ms, ulong Sequence)
    {
        internal int Evaluations { get; set; } = 1;
    }

    internal sealed record PlainRecord(char Name, ulong Generation, int Allowed, bool OtherShare, long StoredMs)
    {
        internal char State { get; set; } = 'P';

        internal List<PlainCharge> Charges { get; init; } = [];

        internal ulong Last { get; set; }

        internal int? Confirmed { get; set; }

        internal ulong ConfirmedSequence { get; set; }

        internal int Left => Math.Max(0, Allowed - Charges.Count);
    }

    internal sealed class PlainAccount
    {
        internal List<PlainRecord> Live { get; init; } = [];

        internal List<(char Name, ulong Generation)> Gone { get; init; } = [];

        internal ulong Highest { get; set; }

        internal ulong Forgotten { get; set; }

        internal int? Born { get; set; }

        internal PlainRecord? Find(char name) => Live.Find(r => r.Name == name);

        internal PlainRecord? In(char state) => Live.Find(r => r.State == state);

        internal bool IsGone(char name) => Gone.Exists(g => g.Name == name);

        /// <summary>The 16 newest tombstones stay: of more, that of the lowest generation goes, and nothing so old comes again.</summary>
        internal string Bury(PlainRecord record)
        {
            Live.Remove(record);
            Gone.Add((record.Name, record.Generation));
            if (Gone.Count > MostTombstones)
            {
                (char Name, ulong Generation) oldest = Gone.MinBy(g => g.Generation);
                Gone.Remove(oldest);
                Forgotten = Math.Max(Forgotten, oldest.Generation);
            }

            return "D 0";
        }

        internal string Describe(PlainNode node) => string.Join(
            ' ',
            Live.OrderBy(r => r.Name)
                .Select(r => $"{r.State}{r.Name}:{string.Join(',', r.Charges.Select(c => $"{(c.Attempt < 0 ? "lost" : $"{c.Attempt}")}*{c.Evaluations}#{c.Sequence}"))}"
                    + $"/{r.Last}[{(r.Confirmed is { } c ? $"{c}" : "-")}#{r.ConfirmedSequence}]{r.Left}w{node.WaitMs(r)}")
                .Concat(Gone.Select(g => $"D{g.Name}{g.Generation}"))
                .Append($"highest {Highest} forgotten {Forgotten}"));

        internal PlainAccount Copy() => new()
        {
            Live = [.. Live.Select(r => r with { Charges = [.. r.Charges.Select(c => c with { })] })],
            Gone = [.. Gone],
            Highest = Highest,
            Forgotten = Forgotten,
            Born = Born,
        };
    }
}
