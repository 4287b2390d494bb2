using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Custodian.Client;
using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using RecordState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>
/// A set of nodes under the real rules of Custodian.Core. Accounts are numbered as they are first seen, and what a call makes of one is
/// decided once: a signature is verified a few hundred times, not a million. Nodes are interchangeable, so that one decides for all.
/// </summary>
internal sealed class World
{
    private const long Now = 1_790_000_000_000;
    private static readonly AttemptPolicy s_policy = new() { FirstDelay = TimeSpan.Zero };
    private static readonly SetId s_set = SetId.Parse("model");

    private readonly AccountId _account = AccountId.Derive(s_set, "issuer", "subject");
    private readonly Dictionary<string, Paper> _papers = [];
    private readonly Dictionary<AttemptId, string> _attempts = [];
    private readonly List<Account> _accounts = [];
    private readonly Dictionary<string, int> _numbers = [];
    private readonly Dictionary<(int Account, Call Call, bool Late), (int Next, Reply Reply)> _decided = [];
    private readonly Dictionary<(int Account, int Node), NodeView> _views = [];
    private readonly Dictionary<(int Account, bool OfFirst, bool OfSecond), int> _forgotten = [];
    private readonly Likeness _shown;
    private readonly Likeness _states;

    internal World(int nodes, int threshold)
    {
        Set = CustodianSet.Create(s_set, threshold, Enumerable.Range(1, nodes).Select(i => new CustodianNode
        {
            Id = NodeId.Parse($"node-{i}"),
            Region = $"region-{i}",
            Operator = $"operator-{i}",
            Address = new Uri($"https://127.0.0.1:{i}"),
            Pins = [Convert.ToBase64String(new byte[32])],
        }));
        _shown = new Likeness(a => $"{States(_accounts[a], r => $"<{r.Replacement?.Replaced} {r.AttemptsRemaining > 0}")} {HighestClaim(_accounts[a])}");
        _states = new Likeness(a => States(_accounts[a], _ => ""));
        Empty = Number(Account.Empty);
    }

    internal CustodianSet Set { get; }

    internal int Nodes => Set.Nodes.Length;

    internal int Threshold => Set.Threshold;

    /// <summary>The number of an account that was never used.</summary>
    internal int Empty { get; }

    internal int Decisions => _decided.Count;

    /// <summary>The record that a device makes, given what it saw.</summary>
    internal Paper Paper(string device, ulong generation, ImmutableArray<Paper> carried)
    {
        string name = $"{device}{generation}" + string.Concat(carried.Select(c => $"+{c.Name.Split('+')[0]}"));
        if (!_papers.TryGetValue(name, out Paper? paper))
        {
            _papers[name] = paper = new Paper(name, generation, carried, Set, _account);
        }

        return paper;
    }

    internal Paper PaperOf(RecordId id) => _papers.Values.First(p => p.Id == id);

    internal Account At(int account) => _accounts[account];

    /// <summary>What a call makes of an account.</summary>
    /// <param name="account">The account's number.</param>
    /// <param name="call">The call.</param>
    /// <param name="late">Whether a PENDING record may give way by now, be it by the time that passed or by a clock that jumped.</param>
    internal (int Next, Reply Reply) Apply(int account, Call call, bool late)
    {
        if (!_decided.TryGetValue((account, call, late), out (int, Reply) decided))
        {
            _decided[(account, call, late)] = decided = Decide(account, call, late ? Now + 120_000 : Now);
        }

        return decided;
    }

    /// <summary>What a client reads of a node that shows an account, by the client's own reading of the answer.</summary>
    internal NodeView View(int account, int node)
    {
        if (!_views.TryGetValue((account, node), out NodeView? view))
        {
            NodeId id = Set.Nodes[node].Id;
            Assert.True(ViewReading.TryRead(Describe(_accounts[account], id), id, Set, _account, out view, out string? why), why);
            _views[(account, node)] = view;
        }

        return view;
    }

    /// <summary>An account in words.</summary>
    internal string Name(int account) => Describe(_accounts[account]);

    /// <summary>Whether states that differ in nothing that can matter are kept apart all the same: to hold the shorter walk against.</summary>
    internal bool KeepsAll { get; init; }

    /// <summary>An account without the charges of the first device, of the second, and of all others, where nobody will name them again.</summary>
    internal int Forget(int account, bool ofFirst, bool ofSecond)
    {
        if (KeepsAll)
        {
            return account;
        }

        if (!_forgotten.TryGetValue((account, ofFirst, ofSecond), out int forgotten))
        {
            bool IsNamed(Charge charge) => (charge.Sequence == SequenceOf("A") && !ofFirst) || (charge.Sequence == SequenceOf("B") && !ofSecond);
            Account all = _accounts[account];
            Account left = all with { Records = [.. all.Records.Select(r => r with { Charges = [.. r.Charges.Where(IsNamed)] })] };
            _forgotten[(account, ofFirst, ofSecond)] = forgotten = Number(Plain(left));
        }

        return forgotten;
    }

    /// <summary>The first account that shows the same to clients, for whom attempts are left or are not.</summary>
    internal int Shown(int account) => KeepsAll ? account : _shown.FirstLike(account);

    /// <summary>The first account with the same records in the same states.</summary>
    internal int SameStates(int account) => KeepsAll ? account : _states.FirstLike(account);

    private string States(Account account, Func<StoredRecord, string> more) =>
        string.Join(' ', account.Records.Select(r => $"{r.State} {PaperOf(r.Id)}{more(r)}").Order(StringComparer.Ordinal));

    private static ulong HighestClaim(Account account) =>
        account.Records.Select(r => r.Header.Generation).Concat(account.Tombstones.Select(t => t.Generation)).DefaultIfEmpty().Max();

    private int Number(Account account)
    {
        string words = Describe(account);
        if (!_numbers.TryGetValue(words, out int number))
        {
            _numbers[words] = number = _accounts.Count;
            _accounts.Add(account);
        }

        return number;
    }

    /// <summary>An account in words, without what was charged.</summary>
    internal string Uncharged(int account) => Describe(_accounts[account] with
    {
        Records = [.. _accounts[account].Records.Select(r => r with { Charges = [], LastSequence = 0 })],
    });

    private string Describe(Account account) => "[" + string.Join(' ', account.Records
        .Select(r => $"{r.State} {PaperOf(r.Id)}{(r.Replacement is { } by ? $"<{PaperOf(by.Replaced)}" : "")}"
            + $"{(r.LastSequence == 0 ? "" : $"({string.Join(',', r.Charges.Select(c => $"{NameOf(c.Attempt)}{c.Sequence}*{c.Evaluations}"))}/{r.LastSequence}/{NameOf(r.ConfirmedAttempt)}{r.ConfirmedSequence})")}")
        .Order(StringComparer.Ordinal)
        .Concat(account.Tombstones.Select(t => $"gone {PaperOf(t.Id)}").Order(StringComparer.Ordinal))) + "]";

    private string NameOf(AttemptId? attempt) => attempt is { } id ? $"{_attempts[id]}:" : "";

    private (int Next, Reply Reply) Decide(int number, Call call, long now)
    {
        Account account = _accounts[number];
        NodeId node = Set.Nodes[0].Id;
        Paper? record = call.Record;
        switch (call.Kind)
        {
            case CallKind.Describe:
                return (number, new Reply(null, Shown: Shown(number)));
            case CallKind.Prepare:
                return (number, new Reply(null));
            case CallKind.Deposit:
                return Outcome(number, Deposit(account, call, node, now), Told);
            case CallKind.Activate:
                byte[] activate = record!.Sign(SignaturePurpose.Activate, node, record, SignatureBody.Activate(record.Header.Hash.Span));
                return Outcome(number, ActivateRule.Decide(account, new SignedCall(record.Id, activate), _account, node), Told);
            case CallKind.Evaluate:
                EvaluateCall evaluate = new(record!.Id, Attempt(call.Attempt!), new byte[32]);
                ulong sequence = SequenceOf(call.Attempt!);
                return Outcome(number, EvaluateRule.Decide(account, evaluate, s_policy, now), g => new Reply(null, g.Record.State, sequence));
            case CallKind.Confirm:
                byte[] confirm = record!.Sign(
                    SignaturePurpose.Confirm, node, record, SignatureBody.Confirm(Attempt(call.Attempt!), call.Sequence));
                ConfirmCall confirmed = new(record.Id, Attempt(call.Attempt!), call.Sequence, confirm);
                return Outcome(number, ConfirmRule.Decide(account, confirmed, _account, node), Told);
            case CallKind.Retire:
                byte[] retire = call.Under!.Sign(SignaturePurpose.Retire, node, record!, SignatureBody.Retire(record!.Header.Hash.Span));
                return Outcome(number, RetireRule.Decide(account, new SignedCall(record.Id, retire), _account, node), Told);
            default:
                byte[] body = SignatureBody.Delete(call.Believed, record!.Header.Hash.Span);
                DeleteCall delete = new(record.Id, call.Believed, record.Sign(SignaturePurpose.Delete, node, record, body));
                return Outcome(number, DeleteRule.Decide(account, delete, _account, node), Told);
        }
    }

    private Decision<StateAnswer> Deposit(Account account, Call call, NodeId node, long now)
    {
        Paper record = call.Record!;
        byte[] body = SignatureBody.Deposit(record.Header.Hash.Span, record.MaskedShare);
        Deposit deposit = new()
        {
            Header = record.Header,
            MaskedShare = record.MaskedShare,
            Envelope = record.Envelope,
            DepositSignature = record.Sign(SignaturePurpose.Deposit, node, record, body),
            Replacement = call.Under is { } old ? new Replacement(old.Id, Replace(record, old, node)) : null,
            ReplacesPending = call.Displaced?.Id,
        };
        return DepositRule.Known(account, deposit)
            ?? (DepositRule.Verify(deposit, _account, node) is { } refusal
                ? Decision<StateAnswer>.Refuse(refusal)
                : DepositRule.Decide(account, deposit, new byte[1], _account, node, now));
    }

    private static byte[] Replace(Paper record, Paper old, NodeId node) =>
        old.Sign(SignaturePurpose.Replace, node, record, SignatureBody.Replace(record.Header.Hash.Span));

    private static Reply Told(StateAnswer answer) => new(null, answer.State);

    private AttemptId Attempt(string name)
    {
        AttemptId id = AttemptId.Read(SHA256.HashData(Encoding.ASCII.GetBytes(name)).AsSpan(0, AttemptId.Size));
        _attempts[id] = name;
        return id;
    }

    private (int Next, Reply Reply) Outcome<T>(int number, Decision<T> decision, Func<T, Reply> tell)
        where T : class
    {
        if (decision.Refusal is { } refusal)
        {
            return (number, new Reply(refusal.Reason));
        }

        return (decision.Change is { } change ? Number(Plain(Unwound(number, change.Next))) : number, tell(decision.Answer!));
    }

    /// <summary>
    /// Whatever was stored was stored now: whether it is old by a next call is that call's to say. Sequences tell charges apart, and no
    /// charge is confirmed that was made before the last Confirm, since that took them away: so each device's are its own number, and
    /// nothing is left of a Confirm that nobody is going to repeat.
    /// </summary>
    private Account Plain(Account account) => account with { Records = [.. account.Records.Select(Plain)] };

    private StoredRecord Plain(StoredRecord record) => record with
    {
        StoredMs = Now,
        Charges = [.. record.Charges.Select(c => c with { ChargedMs = Now, Sequence = SequenceOf(_attempts[c.Attempt]) }).OrderBy(c => c.Sequence)],
        LastSequence = record.Charges.IsEmpty ? 0 : record.Charges.Max(c => SequenceOf(_attempts[c.Attempt])),
        ConfirmedAttempt = null,
        ConfirmedSequence = 0,
    };

    private static ulong SequenceOf(string attempt) => (ulong)(attempt[0] - 'A' + 1);

    /// <summary>What no call may undo, whatever it is.</summary>
    private Account Unwound(int before, Account next)
    {
        foreach (StoredRecord record in _accounts[before].Records)
        {
            StoredRecord? later = next.Find(record.Id);
            Assert.True(later is null ? next.FindTombstone(record.Id) is not null : later.LastSequence >= record.LastSequence);
            Assert.True(later is null || later.AttemptsUsed >= record.AttemptsUsed || later.ConfirmedSequence > record.ConfirmedSequence);
        }

        Assert.True(next.HighestGeneration >= _accounts[before].HighestGeneration);
        return next;
    }

    /// <summary>As the node's Describe answers, with the signatures made for the node that shows it.</summary>
    private DescribeResponse Describe(Account account, NodeId node)
    {
        DescribeResponse response = new() { NodeId = node.Value, SetId = s_set.Value };
        response.Records.AddRange(account.Records.Select(r => new RecordStatus
        {
            Header = ByteString.CopyFrom(r.Header.Bytes.Span),
            State = r.State,
            AttemptsUsed = r.AttemptsUsed,
            AttemptsRemaining = r.AttemptsRemaining,
            RecordId = ByteString.CopyFrom(r.Id.ToArray()),
            Generation = r.Header.Generation,
            ReplaceSignature = r.Replacement is { } by
                ? ByteString.CopyFrom(Replace(PaperOf(r.Id), PaperOf(by.Replaced), node))
                : ByteString.Empty,
        }));
        response.Records.AddRange(account.Tombstones.Select(t => new RecordStatus
        {
            State = RecordState.Destroyed,
            RecordId = ByteString.CopyFrom(t.Id.ToArray()),
            Generation = t.Generation,
        }));
        return response;
    }
}
