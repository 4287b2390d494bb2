using Custodian.Core;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Core;

/// <summary>
/// Walks every account that calls can lead to, from an empty one, with three records, two attempts and a clock that has passed every
/// delay, and holds each step against what protocol.md section 11 promises of all of them.
/// </summary>
public sealed class ReachableStatesTests
{
    private static readonly string[] Records = ["1", "2", "3"];
    private static readonly char[] Attempts = ['a', 'b'];
    private static readonly AttemptPolicy Policy = new();
    private const long Later = 1_000_000_000;

    private readonly AccountSketch _sketch = new();
    private readonly List<(string Name, Func<Account, (Account Next, bool Audited)> Apply)> _calls = [];

    public ReachableStatesTests()
    {
        foreach (string record in Records)
        {
            AddCallsOn(_sketch[record], record);
        }
    }

    [Fact]
    public void EveryCall_InEveryReachableAccount_KeepsThePromises()
    {
        var seen = new HashSet<string> { "" };
        var open = new Queue<Account>([Account.Empty]);
        while (open.TryDequeue(out Account? account))
        {
            foreach ((string name, Func<Account, (Account, bool)> apply) in _calls)
            {
                (Account next, bool audited) = apply(account);
                string step = $"{_sketch.Write(account)} --{name}--> {_sketch.Write(next)}";
                Assert.True(audited == (_sketch.Write(next) != _sketch.Write(account)), $"audited exactly when changed: {step}");
                HoldPromises(account, next, step);
                if (seen.Add(_sketch.Write(next)))
                {
                    open.Enqueue(next);
                }
            }
        }

        Assert.True(seen.Count > 100, $"only {seen.Count} accounts were reached");
        Assert.Contains("S1 A2[a](b) P3", seen);
        Assert.Contains("D1 D2 D3", seen);
    }

    private static void HoldPromises(Account before, Account next, string step)
    {
        Assert.True(next.Records.Count(r => r.State == RecordState.Pending) <= 1, $"one PENDING: {step}");
        Assert.True(next.Records.Count(r => r.State == RecordState.Active) <= 1, $"one ACTIVE: {step}");
        Assert.True(next.HighestGeneration >= before.HighestGeneration, $"the highest generation stays: {step}");
        Assert.True(before.Tombstones.All(t => next.FindTombstone(t.Id) is not null && next.Find(t.Id) is null), $"none comes back: {step}");
        Assert.True(before.Records.All(r => IsKnown(next, r.Id)), $"a record leaves a tombstone: {step}");
        Assert.True(before.Active is null || next.Records.IsEmpty || next.Active is not null, $"an ACTIVE one goes only with all: {step}");
        Assert.True(before.Records.All(r => next.Find(r.Id) is not { } later || later.LastSequence >= r.LastSequence), $"sequences: {step}");
    }

    private static bool IsKnown(Account account, RecordId id) => account.Find(id) is not null || account.FindTombstone(id) is not null;

    private void AddCallsOn(ClientRecord record, string name)
    {
        Add($"deposit {name}", a => DepositRule.Decide(a, record.Deposit(), new byte[1], record.Account, ClientRecord.Node, Later));
        foreach (string other in Records.Where(o => o != name))
        {
            Deposit replacing = record.Deposit(_sketch[other], _sketch[other].Id);
            Add($"deposit {name} for {other}", a => DepositRule.Decide(a, replacing, new byte[1], record.Account, ClientRecord.Node, Later));
            SignedCall retire = record.Retire(_sketch[other]);
            Add($"retire {name} by {other}", a => RetireRule.Decide(a, retire, record.Account, ClientRecord.Node));
        }

        SignedCall activate = record.Activate();
        Add($"activate {name}", a => ActivateRule.Decide(a, activate, record.Account, ClientRecord.Node));
        foreach (RecordState state in new[] { RecordState.Pending, RecordState.Active, RecordState.Superseded })
        {
            DeleteCall delete = record.Delete(state);
            Add($"delete {name} as {state}", a => DeleteRule.Decide(a, delete, record.Account, ClientRecord.Node));
        }

        foreach (char attempt in name == "2" ? Attempts : [])
        {
            AddAttempt(record, attempt);
        }
    }

    private void AddAttempt(ClientRecord record, char letter)
    {
        AttemptId attempt = AccountSketch.Attempt(letter);
        Add($"evaluate {letter}", a => EvaluateOnce(a, new EvaluateCall(record.Id, attempt, AccountSketch.Point(letter))));
        Add($"refund {letter}", a => EvaluateRule.Refund(a, record.Id, attempt, a.Find(record.Id)?.FindCharge(attempt)?.Sequence ?? 0));
        Add($"confirm {letter}", a => ConfirmRule.Decide(
            a, record.Confirm(attempt, a.Find(record.Id)?.FindCharge(attempt)?.Sequence ?? 1), record.Account, ClientRecord.Node));
    }

    /// <summary>Evaluations count without end; two tell all that the rules tell apart.</summary>
    private static Decision<EvaluateGrant> EvaluateOnce(Account account, EvaluateCall call) =>
        account.Find(call.Record)?.FindCharge(call.Attempt) is { Evaluations: > 1 } charge
            ? Decision<EvaluateGrant>.Keep(new EvaluateGrant(account.Find(call.Record)!, charge.Sequence))
            : EvaluateRule.Decide(account, call, Policy, Later);

    private void Add<T>(string name, Func<Account, Decision<T>> decide)
        where T : class => _calls.Add((name, account =>
        {
            Change? change = decide(account).Change;
            return (change?.Next ?? account, change is not null);
        }));
}
