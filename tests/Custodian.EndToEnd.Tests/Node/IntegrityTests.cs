using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Microsoft.Data.Sqlite;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>
/// Somebody edits the database of a real node while it serves: the account concerned is refused, named by <c>status</c>, <c>verify</c> and
/// the log, and can be destroyed by the operator; the others are served.
/// </summary>
public sealed class IntegrityTests(IntegrityTests.Edited edited) : IClassFixture<IntegrityTests.Edited>
{
    private const string Kept = "kept";

    private NodeProcess Node => edited.Realm.Nodes[0];

    [Theory]
    [InlineData("edited row", "UPDATE records SET charges = x'' WHERE account = $id")]
    [InlineData("deleted row", "DELETE FROM bodies WHERE id IN (SELECT id FROM records WHERE account = $id); DELETE FROM records WHERE account = $id")]
    [InlineData("deleted account", "DELETE FROM accounts WHERE id = $id")]
    public async Task Evaluate_OneAccountEdited_IsRefusedAndVerifyNamesIt(string what, string edit)
    {
        using Enrolled victim = await EnrolAsync();
        using Enrolled bystander = await EnrolAsync();
        await victim.Record.EvaluateAsync(victim.Record.NewAttempt());
        Edit(edit.Replace("$id", victim.RowId, StringComparison.Ordinal));

        await AssertRefusedAsync(victim);
        await AssertServedAsync(bystander);
        await AssertFoundAsync(what, victim);
    }

    [Fact]
    public async Task Evaluate_SealedPartsOfTwoAccountsExchanged_BothAreRefused()
    {
        using Enrolled one = await EnrolAsync();
        using Enrolled other = await EnrolAsync();
        using Enrolled bystander = await EnrolAsync();
        Edit($"UPDATE records SET slot = (SELECT sum(slot) FROM records WHERE account IN ({one.RowId}, {other.RowId})) - slot WHERE account IN ({one.RowId}, {other.RowId})");

        await AssertRefusedAsync(one);
        await AssertRefusedAsync(other);
        await AssertServedAsync(bystander);
        await AssertFoundAsync("exchanged", one, other);
    }

    [Fact]
    public async Task Evaluate_OneAccountsRowsPutBackToBeforeACharge_IsRefusedAndTheAttemptIsNotGivenBack()
    {
        using Enrolled victim = await EnrolAsync();
        string file = edited.Realm.NewFile(Kept);
        Edit($"ATTACH '{file}' AS kept; CREATE TABLE kept.records AS SELECT * FROM main.records WHERE account = {victim.RowId}; "
            + $"CREATE TABLE kept.accounts AS SELECT * FROM main.accounts WHERE id = {victim.RowId}");
        await victim.Record.EvaluateAsync(victim.Record.NewAttempt());
        Edit($"ATTACH '{file}' AS kept; INSERT OR REPLACE INTO main.records SELECT * FROM kept.records; "
            + "INSERT OR REPLACE INTO main.accounts SELECT * FROM kept.accounts");

        await AssertRefusedAsync(victim);
        await AssertFoundAsync("put back", victim);
    }

    [Fact]
    public async Task Destroy_OfATamperedAccount_IsAuditedAndItsUserCanEnrolAgain()
    {
        using Enrolled victim = await EnrolAsync();
        Edit($"UPDATE records SET charges = randomblob(68) WHERE account = {victim.RowId}");
        await AssertRefusedAsync(victim);
        JsonNode before = await StatusAsync();
        Assert.Contains(victim.RowPrefix, before["tampered"]!["accounts"]!.AsArray().Select(a => (string?)a));

        string[] named = ["--set", edited.Realm.SetId, "--issuer", edited.Realm.Issuer.Name, "--subject", victim.Subject];
        Expect.Says("--tampered", Expect.ExitCode(1, await Node.RunAsync(["account", "destroy", "--yes", .. named])));
        ProcessOutcome done = Expect.Success(await Node.RunAsync(["account", "destroy", "--yes", "--tampered", .. named]));

        Expect.Says("destroyed 1 record rows and erased 1 sealed parts", done);
        Assert.Equal("RECORD_DESTROYED", (await WireRefusal.OfAsync(victim.Record.EvaluateAsync(victim.Record.NewAttempt()))).Reason);
        Assert.DoesNotContain(victim.RowPrefix, (await StatusAsync())["tampered"]!["accounts"]!.AsArray().Select(a => (string?)a));
        ProcessOutcome audit = Expect.Success(await Node.RunAsync(["audit", .. named]));
        Expect.Says("DestroyedByOperator", audit);
    }

    [Fact]
    public async Task Show_AccountThatIsNotThere_MakesNoRowAndNoEntry()
    {
        long before = Number("SELECT (SELECT count(*) FROM accounts) + (SELECT count(*) FROM audit)");

        Expect.ExitCode(3, await Node.RunAsync(
            "account", "show", "--set", edited.Realm.SetId, "--issuer", edited.Realm.Issuer.Name, "--subject", "nobody"));

        Assert.Equal(before, Number("SELECT (SELECT count(*) FROM accounts) + (SELECT count(*) FROM audit)"));
    }

    /// <summary>Refuses what reads the account, and says so in the log of each refusal.</summary>
    private async Task AssertRefusedAsync(Enrolled victim)
    {
        WireRefusal evaluate = await WireRefusal.OfAsync(victim.Record.EvaluateAsync(victim.Record.NewAttempt()));
        WireRefusal describe = await WireRefusal.OfAsync(
            victim.Caller.Client.DescribeAsync(new DescribeRequest { SetId = "test-set" }, victim.Caller.Headers));
        Assert.Equal(("STORAGE_UNAVAILABLE", "STORAGE_UNAVAILABLE"), (evaluate.Reason, describe.Reason));
        await IsLoggedAsync(evaluate);
        await IsLoggedAsync(describe);
    }

    private static async Task AssertServedAsync(Enrolled bystander)
    {
        SoloRecord.Attempt attempt = bystander.Record.NewAttempt();
        EvaluateResponse answer = await bystander.Record.EvaluateAsync(attempt);
        Assert.Equal(bystander.Record.Mask, attempt.Blinded.MaskOf(answer.Evaluated));
    }

    private async Task AssertFoundAsync(string what, params Enrolled[] victims)
    {
        ProcessOutcome outcome = Expect.ExitCode(5, await Node.RunAsync("verify", "--json"));
        JsonNode tampered = (await StatusAsync())["tampered"]!;
        string?[] refused = [.. tampered["accounts"]!.AsArray().Select(a => (string?)a)];
        string?[] named = [.. JsonNode.Parse(outcome.Output)!["findings"]!.AsArray().Select(f => (string?)f!["account"])];
        Assert.All(victims, v => Assert.True(named.Contains(v.RowPrefix), $"{what}: not found\n{outcome.Output}"));
        Assert.All(victims, v => Assert.True(refused.Contains(v.RowPrefix), $"{what}: not in the status\n{tampered}"));
    }

    private async Task IsLoggedAsync(WireRefusal refusal)
    {
        string[] Lines(string log) =>
        [
            .. log.Split('\n')[..^1].Where(l => l.Contains(refusal.RequestId!, StringComparison.Ordinal) && l.Contains("a row of the account does not authenticate", StringComparison.Ordinal)),
        ];
        string log = await Node.Process.Output.UntilAsync(text => Lines(text).Length > 0);
        Assert.Contains("\"LogLevel\":\"Critical\"", Assert.Single(Lines(log)), StringComparison.Ordinal);
    }

    private async Task<JsonNode> StatusAsync() =>
        JsonNode.Parse((await Node.RunAsync("status", "--json", "--override", $"listen={new Uri(Node.Address).Authority}")).Output)!;

    private async Task<Enrolled> EnrolAsync()
    {
        string subject = edited.Realm.NewSubject();
        var caller = new RawCaller(Node.Address, edited.Realm.CaFile, () => edited.Realm.Issuer.TokenFor(Node.NodeId, subject));
        SoloRecord record = await SoloRecord.EnrolAsync(caller, edited.Realm.SetId, Node.NodeId, edited.Realm.Issuer.Name, subject);
        long id = Number("SELECT max(id) FROM accounts");
        string prefix = Convert.ToHexStringLower((byte[])Ask($"SELECT substr(row, 1, 8) FROM accounts WHERE id = {id}"));
        return new Enrolled(subject, record, caller, id.ToString(System.Globalization.CultureInfo.InvariantCulture), prefix);
    }

    private long Number(string sql) => (long)Ask(sql);

    private void Edit(string sql) => Ask(sql + "; SELECT 1");

    private object Ask(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Node.DatabaseFile};Pooling=False;Foreign Keys=False;Default Timeout=30");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar()!;
    }

    private sealed record Enrolled(string Subject, SoloRecord Record, RawCaller Caller, string RowId, string RowPrefix) : IDisposable
    {
        public void Dispose()
        {
            Record.Dispose();
            Caller.Dispose();
        }
    }

    /// <summary>A node whose database these tests edit.</summary>
    public sealed class Edited : IAsyncLifetime
    {
        internal Realm Realm { get; private set; } = null!;

        /// <inheritdoc/>
        public async Task InitializeAsync()
        {
            Realm = await Realm.StartAsync(1);
            Realm.Expected.Add("a row of the account does not authenticate");
        }

        /// <inheritdoc/>
        public async Task DisposeAsync() => await Realm.DisposeAsync();
    }
}
