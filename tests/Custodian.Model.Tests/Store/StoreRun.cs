using System.Diagnostics;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Records;
using Custodian.Node.Tests.Storage;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Model.Tests.Store;

/// <summary>
/// Runs a script against the node's store over a database file, under the node's rules, and beside it against the plain reference; says
/// where they part.
/// </summary>
internal sealed class StoreRun : IDisposable
{
    private static readonly AttemptPolicy s_policy = new();

    /// <summary>
    /// In memory, where there is such a place: the same calls, and an fsync costs nothing. A crash here is a copy of files, which no fsync
    /// has a part in.
    /// </summary>
    private const string InMemory = "/dev/shm";

    private readonly StoreFolder _folder = new(Directory.Exists(InMemory) ? InMemory : null);
    private readonly PlainNode _plain;
    private readonly Action<string> _answered;
    private SqliteAccountStore _store;
    private string? _backup;
    private int _copies;

    private StoreRun(PlainNode plain, Action<string> answered)
    {
        (_plain, _answered) = (plain, answered);
        _plain.Now = _folder.Time.Ms;
        _store = _folder.Open();
    }

    /// <summary>What differs and at which step; null when nothing does.</summary>
    internal static string? FirstDifference(Script script, PlainNode plain, Action<string> answered)
    {
        using StoreRun run = new(plain, answered);
        for (int i = 0; i < script.Steps.Length; i++)
        {
            if (run.Differs(script.Steps[i]) is { } difference)
            {
                return $"step {i + 1}, {script.Steps[i]}: {difference}";
            }
        }

        return run.LogDiffers();
    }

    public void Dispose()
    {
        Close();
        _folder.Dispose();
    }

    private void Close() => _store.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private string? Differs(Step step)
    {
        (string found, string expected) = step.IsCall ? (Call(step), PlainCall(step)) : Befall(step);
        _answered($"{step.GetType().Name} {found.Split(' ')[0].TrimStart("0123456789".ToCharArray())}".TrimEnd());
        return found != expected ? $"answered '{found}', should be '{expected}'"
            : AccountsDiffer() ?? (step.IsCall || step is Clock ? null : LogDiffers());
    }

    private string PlainCall(Step step)
    {
        string answer = _plain.Do(step);
        return step is Evaluate { HsmFails: true } e && char.IsDigit(answer[0]) ? _plain.Refund(e) : answer;
    }

    private (string Found, string Expected) Befall(Step step)
    {
        switch (step)
        {
            case Clock clock:
                _folder.Time.Ms += (long)clock.By.TotalMilliseconds;
                _plain.Now = _folder.Time.Ms;
                break;
            case Restart:
                Close();
                _store = _folder.Open();
                break;
            case Crash:
                GoOnFrom(_folder.CopyAsAfterACrash());
                break;
            case CrashIn crash:
                SqliteStoreOptions? left = null;
                Call(crash.Call, () => left ??= _folder.CopyAsAfterACrash());
                GoOnFrom(left ?? _folder.CopyAsAfterACrash());
                break;
            case Backup:
                _backup = _folder.PathOf($"backup-{_copies++}");
                _store.BackupAsync(_backup, CancellationToken.None).GetAwaiter().GetResult();
                _plain.Backup();
                break;
            case Restore:
                bool restored = _plain.Restore();
                Debug.Assert(restored == _backup is not null);
                if (_backup is not null)
                {
                    string path = _folder.PathOf($"restored-{_copies++}");
                    File.Copy(_backup, path);
                    GoOnFrom(_folder.Options with { Path = path });
                }

                break;
            default:
                throw new UnreachableException();
        }

        return ("", "");
    }

    /// <summary>The former process goes on a little, to nobody's knowledge: what the next one finds was left before.</summary>
    private void GoOnFrom(SqliteStoreOptions left)
    {
        Close();
        _folder.Options = left;
        _store = _folder.Open();
    }

    private string Call(Step step, Action? decided = null)
    {
        long now = _folder.Time.Ms;
        switch (step)
        {
            case Deposit s:
                Core.Deposit deposit = Parsed(s);
                return Decide(s.Record, decided, account => Deposited(account, deposit, Cast.Record(s.Record), now), Told);
            case Activate s:
                SignedCall activate = Cast.Record(s.Record).Activate();
                return Decide(s.Record, decided, (a, id) => ActivateRule.Decide(a, Spoil(activate, s.Signed), id, ClientRecord.Node), Told);
            case Evaluate s:
                EvaluateCall evaluate = new(Cast.Record(s.Record).Id, Cast.Attempt(s.Attempt), Cast.PointDigest(s.Point));
                string granted = Decide(
                    s.Record, decided, (a, _) => EvaluateRule.Decide(a, evaluate, s_policy, now), g => $"{g.Sequence} {g.Record.AttemptsRemaining}");
                return decided is null && s.HsmFails && char.IsDigit(granted[0]) ? Refund(s, evaluate, granted) : granted;
            case Confirm s:
                ulong sequence = _plain.SequenceOf(s.Record, s.Attempt) + (s.OtherSequence ? 1UL : 0);
                ConfirmCall confirm = Cast.Record(s.Record).Confirm(Cast.Attempt(s.Attempt), sequence);
                confirm = s.Signed ? confirm : confirm with { Signature = new byte[64] };
                return Decide(s.Record, decided, (a, id) => ConfirmRule.Decide(a, confirm, id, ClientRecord.Node), Told);
            case Retire s:
                SignedCall retire = Cast.Record(s.Record).Retire(Cast.Record(s.By));
                return Decide(s.Record, decided, (a, id) => RetireRule.Decide(a, retire, id, ClientRecord.Node), Told);
            case Delete s:
                DeleteCall delete = Cast.Record(s.Record).Delete((RecordState)("?PAS".IndexOf(s.Believed, StringComparison.Ordinal)));
                delete = s.Signed ? delete : delete with { Signature = new byte[64] };
                return Decide(s.Record, decided, (a, id) => DeleteRule.Decide(a, delete, id, ClientRecord.Node), Told);
            default:
                throw new UnreachableException();
        }
    }

    private static SignedCall Spoil(SignedCall call, bool signed) => signed ? call : call with { Signature = new byte[64] };

    /// <summary>The order in which the node's Deposit asks the rules.</summary>
    private static Decision<StateAnswer> Deposited(Account account, Core.Deposit deposit, ClientRecord record, long now) =>
        DepositRule.Known(account, deposit)
        ?? (DepositRule.Verify(deposit, record.Account, ClientRecord.Node) is { } refusal
            ? Decision<StateAnswer>.Refuse(refusal)
            : DepositRule.Decide(account, deposit, new byte[40], record.Account, ClientRecord.Node, now));

    private static Core.Deposit Parsed(Deposit s)
    {
        ClientRecord record = Cast.Record(s.Record);
        Core.Deposit deposit = record.Deposit(
            s.Replacing is { } r && Cast.IsOfOneUser(r, s.Record) ? Cast.Record(r) : null, s.Displacing is { } d ? Cast.Record(d).Id : null);
        byte[] share = s.OtherShare ? new byte[32] : record.MaskedShare;
        byte[] body = SignatureBody.Deposit(record.Header.Hash.Span, share);
        return deposit with
        {
            MaskedShare = share,
            DepositSignature = s.Signed ? record.Sign(record.Owner, SignaturePurpose.Deposit, body) : new byte[64],
        };
    }

    private string Refund(Evaluate s, EvaluateCall call, string granted)
    {
        ulong sequence = ulong.Parse(granted.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        return Decide(s.Record, null, (a, _) => EvaluateRule.Refund(a, call.Record, call.Attempt, sequence), Told);
    }

    private string Decide<T>(char record, Action? decided, Func<Account, AccountId, Decision<T>> rule, Func<T, string> tell)
        where T : class => Decide(record, decided, account => rule(account, Cast.Record(record).Account), tell);

    private string Decide<T>(char record, Action? decided, Func<Account, Decision<T>> rule, Func<T, string> tell)
        where T : class
    {
        Decision<T> decision = _store.DecideAsync(Cast.Record(record).Account, Decided, CancellationToken.None).GetAwaiter().GetResult();
        return decision.Refusal is { } refusal ? Told(refusal) : tell(decision.Answer!);

        Decision<T> Decided(Account account)
        {
            Decision<T> made = rule(account);
            decided?.Invoke();
            return made;
        }
    }

    private static string Told(StateAnswer answer) => $"{Letter(answer.State)} {answer.AttemptsRemaining}";

    private static string Told(Refusal refusal) =>
        refusal.Reason.WireName() + (refusal.RetryAfter is { } wait ? $" {(long)wait.TotalMilliseconds}" : "");

    private static char Letter(RecordState state) => "?PASD"[(int)state];

    private string? AccountsDiffer()
    {
        foreach (char user in "Aa")
        {
            string found = Describe(_store.ReadAsync(Cast.Record(user).Account, CancellationToken.None).GetAwaiter().GetResult());
            if (found != _plain.Describe(user))
            {
                return $"the account of {user} is\n       '{found}', should be\n       '{_plain.Describe(user)}'";
            }
        }

        return null;
    }

    private string Describe(Account account) => string.Join(
        ' ',
        account.Records.OrderBy(r => Cast.NameOf(r.Id))
            .Select(r => $"{Letter(r.State)}{Cast.NameOf(r.Id)}:{string.Join(',', r.Charges.Select(c => $"{Cast.NameOf(c.Attempt)}*{c.Evaluations}#{c.Sequence}"))}"
                + $"/{r.LastSequence}[{Cast.NameOf(r.ConfirmedAttempt)}#{r.ConfirmedSequence}]{r.AttemptsRemaining}"
                + $"w{(long)s_policy.WaitFor(r, _folder.Time.Ms).TotalMilliseconds}")
            .Concat(account.Tombstones.Select(t => $"D{Cast.NameOf(t.Id)}{t.Generation}"))
            .Append($"highest {account.HighestGeneration} forgotten {account.ForgottenGeneration}"));

    private string? LogDiffers()
    {
        List<AuditRow> rows = _store.ReadAuditAsync(0, null, CancellationToken.None).ToBlockingEnumerable().ToList();
        return rows.Find(r => !r.IsAuthentic) is { } bad ? $"audit entry {bad.Id} does not verify"
            : rows.Select(r => Told(r.Entry!)).SequenceEqual(_plain.Log) ? null
            : $"the log is\n       '{string.Join("; ", rows.Select(r => Told(r.Entry!)))}', should be\n       '{string.Join("; ", _plain.Log)}'";
    }

    private static string Told(AuditEntry entry) =>
        $"{entry.Event.Kind} {Cast.NameOf(entry.Event.Record)} {entry.Event.Generation} {Cast.NameOf(entry.Event.Attempt)} "
        + $"{entry.Event.AttemptsUsed} at {entry.Ms}";
}
