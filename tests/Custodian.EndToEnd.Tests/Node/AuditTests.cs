using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>The audit log tells, entry by entry, what was done, and nothing that was refused; and what an operator did is in it too.</summary>
[Collection(SingleNode.Collection)]
public sealed class AuditTests(SingleNode one)
{
    [Fact]
    public async Task Audit_OfAScriptedLife_TellsItCallByCall()
    {
        string subject = one.NewSubject();
        using RawCaller caller = one.CallerFor(subject);
        using SoloRecord first = await DepositAsync(caller, subject);
        await first.ActivateAsync();
        (SoloRecord.Attempt a, SoloRecord.Attempt b) = (first.NewAttempt(), first.NewAttempt());
        await first.EvaluateAsync(a);
        await first.EvaluateAsync(a);
        EvaluateResponse answer = await first.EvaluateAsync(b);
        await first.ConfirmAsync(b, answer.Sequence);
        await first.ConfirmAsync(b, answer.Sequence);
        await WireRefusal.OfAsync(first.EvaluateAsync(b));
        using SoloRecord second = await DepositAsync(caller, subject, first);
        await WireRefusal.OfAsync(second.RetireAsync(first));
        await second.ActivateAsync();
        await second.RetireAsync(first);
        await second.DeleteAsync(RecordState.Active);

        Assert.Equal(
            [
                Entry("Deposited", first, null, 0),
                Entry("Activated", first, null, 0),
                Entry("Charged", first, a, 1),
                Entry("Resent", first, a, 1),
                Entry("Charged", first, b, 2),
                Entry("Confirmed", first, b, 0),
                Entry("Deposited", second, null, 0),
                Entry("Activated", second, null, 0),
                Entry("Retired", first, null, 0),
                Entry("Deleted", second, null, 0),
            ],
            await AuditAsync(subject));
    }

    [Fact]
    public async Task Operator_ShowsAndDestroysAnAccount_LeavesAnEntryOfEach()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync();
        using (caller)
        using (record)
        {
            string subject = caller.Subject!;
            JsonNode shown = JsonNode.Parse(Expect.Success(await AccountAsync("show", subject, "--json")).Output)!;
            Expect.ExitCode(2, await AccountAsync("destroy", subject));
            Expect.Success(await AccountAsync("destroy", subject, "--yes"));
            Expect.ExitCode(3, await AccountAsync("destroy", subject, "--yes"));

            Assert.Equal(record.Header.RecordId.ToString(), (string?)shown["records"]![0]!["record_id"]);
            Assert.Equal("ACTIVE", (string?)shown["records"]![0]!["state"]);
            Assert.Equal(
                [
                    Entry("Deposited", record, null, 0),
                    Entry("Activated", record, null, 0),
                    Entry("ShownToOperator", record, null, 0),
                    Entry("DestroyedByOperator", record, null, 0),
                ],
                await AuditAsync(subject));
            WireRefusal refusal = await WireRefusal.OfAsync(record.EvaluateAsync(record.NewAttempt()));
            Assert.Equal("RECORD_DESTROYED", refusal.Reason);
        }
    }

    [Fact]
    public async Task Operator_LooksForAnAccountThatIsNotThere_IsToldSo()
    {
        ProcessOutcome outcome = await AccountAsync("show", one.NewSubject());

        Expect.ExitCode(3, outcome);
        Expect.Says("holds nothing", outcome);
    }

    private static AuditLine Entry(string kind, SoloRecord record, SoloRecord.Attempt? attempt, long used) =>
        new(kind, record.Header.RecordId.ToString(), record.Header.Generation, attempt?.Id.ToString(), used);

    private Task<SoloRecord> DepositAsync(RawCaller caller, string subject, SoloRecord? replaces = null) => SoloRecord.DepositAsync(
        caller, one.Realm.SetId, one.Node.NodeId, one.Realm.Issuer.Name, subject, replaces: replaces);

    private Task<ProcessOutcome> AccountAsync(string verb, string subject, params string[] further) => one.Node.RunAsync(
        ["account", verb, "--set", one.Realm.SetId, "--issuer", one.Realm.Issuer.Name, "--subject", subject, .. further]);

    private async Task<AuditLine[]> AuditAsync(string subject)
    {
        ProcessOutcome outcome = Expect.Success(await one.Node.RunAsync(
            "audit", "--json", "--set", one.Realm.SetId, "--issuer", one.Realm.Issuer.Name, "--subject", subject));
        return [.. outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(AuditLine.Parse)];
    }

    private sealed record AuditLine(string Event, string Record, ulong Generation, string? Attempt, long AttemptsUsed)
    {
        internal static AuditLine Parse(string json)
        {
            JsonNode line = JsonNode.Parse(json)!;
            Assert.True((bool)line["authentic"]!, json);
            return new AuditLine(
                (string)line["event"]!, (string)line["record"]!, (ulong)line["generation"]!, (string?)line["attempt"], (long)line["attempts_used"]!);
        }
    }
}
