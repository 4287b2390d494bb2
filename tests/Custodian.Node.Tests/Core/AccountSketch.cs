using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Core;

/// <summary>
/// Accounts written as text, so that a table of rules can be read. <c>S1 A2[a](bc2) P3 D4</c> is: record 1 SUPERSEDED; record 2 ACTIVE,
/// attempt a confirmed, attempts b and c charged since, c evaluated twice; record 3 PENDING; record 4 destroyed. A record's number is its
/// generation; a letter x behind it makes it another record of the same generation. Everything was stored and charged at time 0.
/// </summary>
internal sealed partial class AccountSketch
{
    private readonly Dictionary<string, ClientRecord> _records = [];

    /// <summary>The record of a name such as <c>2</c> or <c>2x</c>, always the same one.</summary>
    internal ClientRecord this[string name]
    {
        get
        {
            if (!_records.TryGetValue(name, out ClientRecord? record))
            {
                _records[name] = record = new ClientRecord(ulong.Parse(name.TrimEnd('x'), CultureInfo.InvariantCulture));
            }

            return record;
        }
    }

    internal static AttemptId Attempt(char letter) => AttemptId.Read(Encoding.ASCII.GetBytes(new string(letter, AttemptId.Size)));

    /// <summary>The digest of the point that an attempt goes with, or of another.</summary>
    internal static byte[] Point(char letter) => SHA256.HashData([(byte)letter]);

    internal Account Read(string sketch)
    {
        Account account = Account.Empty;
        foreach (string word in sketch.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            Match match = Word().Match(word);
            account = match.Groups["state"].Value == "D"
                ? Bury(account, this[match.Groups["name"].Value])
                : account.Add(Stored(match));
        }

        return account;
    }

    internal string Write(Account account)
    {
        IEnumerable<(ulong Generation, string Text)> live = account.Records.Select(r => (r.Header.Generation, Text(r)));
        IEnumerable<(ulong Generation, string Text)> gone = account.Tombstones.Select(t => (t.Generation, $"D{NameOf(t.Id)}"));
        return string.Join(' ', live.Concat(gone).OrderBy(x => x.Generation).Select(x => x.Text));
    }

    private static Account Bury(Account account, ClientRecord record) => account with
    {
        Tombstones = account.Tombstones.Add(new Tombstone(record.Id, record.Header.Generation, DestroyReason.Deleted)),
        HighestGeneration = Math.Max(account.HighestGeneration, record.Header.Generation),
    };

    private StoredRecord Stored(Match match)
    {
        ClientRecord record = this[match.Groups["name"].Value];
        bool confirmed = match.Groups["confirmed"].Success;
        ImmutableArray<Charge> charges = Charges(match.Groups["charges"].Value, confirmed ? 2UL : 1UL);
        return new StoredRecord
        {
            Header = record.Header,
            SealedPart = new byte[] { 1, 2, 3 },
            MaskedShareDigest = SHA256.HashData(record.MaskedShare),
            Envelope = record.Envelope,
            DepositSignature = record.DepositSignature(),
            StoredMs = 0,
            State = StateOf(match.Groups["state"].Value[0]),
            Charges = charges,
            LastSequence = (ulong)charges.Length + (confirmed ? 1UL : 0),
            ConfirmedAttempt = confirmed ? Attempt(match.Groups["confirmed"].Value[0]) : null,
            ConfirmedSequence = confirmed ? 1UL : 0,
        };
    }

    private static ImmutableArray<Charge> Charges(string text, ulong first) =>
        [.. ChargeWord().Matches(text).Select((m, i) => new Charge(
            Attempt(m.Value[0]), Point(m.Value[0]), 0, first + (ulong)i, m.Length > 1 ? (uint)(m.Value[1] - '0') : 1))];

    private string Text(StoredRecord record)
    {
        string confirmed = record.ConfirmedAttempt is { } attempt ? $"[{LetterOf(attempt)}]" : "";
        string charges = string.Concat(record.Charges.Select(c => $"{LetterOf(c.Attempt)}{(c.Evaluations > 1 ? $"{c.Evaluations}" : "")}"));
        return $"{"?PAS"[(int)record.State]}{NameOf(record.Id)}{confirmed}{(charges.Length > 0 ? $"({charges})" : "")}";
    }

    private string NameOf(RecordId id) => _records.Single(r => r.Value.Id == id).Key;

    private static char LetterOf(AttemptId attempt) => (char)attempt.ToArray()[0];

    internal static RecordState StateOf(char letter) => letter switch
    {
        'P' => RecordState.Pending,
        'A' => RecordState.Active,
        'S' => RecordState.Superseded,
        'D' => RecordState.Destroyed,
        _ => throw new ArgumentOutOfRangeException(nameof(letter)),
    };

    [GeneratedRegex(@"^(?<state>[PASD])(?<name>\d+x?)(\[(?<confirmed>[a-z])\])?(\((?<charges>([a-z]\d?)+)\))?$")]
    private static partial Regex Word();

    [GeneratedRegex(@"[a-z]\d?")]
    private static partial Regex ChargeWord();
}
