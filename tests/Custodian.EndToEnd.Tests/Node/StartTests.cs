using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Microsoft.Data.Sqlite;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>What a node refuses to start with, and what it tells the operator.</summary>
[Collection(SingleNode.Collection)]
public sealed class StartTests(SingleNode one)
{
    [Fact]
    public async Task Serve_ManyMistakesInConfiguration_NamesEachOnce()
    {
        string file = ChangedConfiguration(c =>
        {
            c["node_id"] = "Node One";
            c["sets"] = new JsonArray("acme", "acme");
            c["listen"] = "everywhere";
            c["hsm"]!["module"] = "/nowhere/module.so";
            c["hsm"]!["sesions"] = "8";
            c["attempts"] = new JsonObject { ["free"] = "no" };
            c["issuers"] = new JsonArray(new JsonObject { ["issuer"] = "login.example" });
        });

        ProcessOutcome outcome = await RunAsync("serve", file);

        Expect.ExitCode(2, outcome);
        foreach (string setting in new[] { "node_id", "sets:1", "listen", "hsm:module", "hsm:sesions", "attempts:free", "issuers:0:issuer" })
        {
            Assert.Single(outcome.Error.Split('\n'), line => line.StartsWith($"custodian: {setting}: ", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Serve_WrongPin_SaysSoAndDoesNotTryAgain()
    {
        string pin = Path.Combine(one.Node.Folder, "wrong-pin");
        await File.WriteAllTextAsync(pin, "00000000");
        File.SetUnixFileMode(pin, UnixFileMode.UserRead);

        ProcessOutcome outcome = await RunAsync("serve", ChangedConfiguration(c => c["hsm"]!["pin_file"] = pin));

        Expect.ExitCode(1, outcome);
        Expect.Says("PIN", outcome);
        Expect.Says("tried once", outcome);
        Assert.DoesNotContain("00000000", outcome.Error + outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_PinThatOthersMayRead_IsRefusedWithTheCommandThatMendsIt()
    {
        string pin = Path.Combine(one.Node.Folder, "open-pin");
        File.Copy(Path.Combine(one.Node.Folder, "pin"), pin);
        File.SetUnixFileMode(pin, UnixFileMode.UserRead | UnixFileMode.OtherRead);

        ProcessOutcome outcome = await RunAsync("serve", ChangedConfiguration(c => c["hsm"]!["pin_file"] = pin));

        Expect.ExitCode(1, outcome);
        Expect.Says($"chmod 600 {pin}", outcome);
    }

    [Fact]
    public async Task Serve_DatabaseOfANewerSchema_IsRefusedAndUntouched()
    {
        string data = Directory.CreateDirectory(Path.Combine(one.Node.Folder, "newer")).FullName;
        string database = Path.Combine(data, "custodian.db");
        Expect.Success(await one.Node.RunAsync("backup", "--to", database));
        await using (var connection = new SqliteConnection($"Data Source={database};Pooling=False"))
        {
            await connection.OpenAsync();
            await using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 9999";
            await command.ExecuteNonQueryAsync();
        }

        byte[] before = SHA256.HashData(await File.ReadAllBytesAsync(database));
        ProcessOutcome outcome = await RunAsync("serve", ChangedConfiguration(c => c["data"] = data));

        Expect.ExitCode(1, outcome);
        Expect.Says("newer", outcome);
        Assert.Equal(before, SHA256.HashData(await File.ReadAllBytesAsync(database)));
    }

    [Fact]
    public async Task Init_Twice_IsRefusedAndChangesNothing()
    {
        ProcessOutcome outcome = await one.Node.RunAsync("init");

        Expect.ExitCode(1, outcome);
        Expect.Says("already", outcome);
    }

    [Fact]
    public async Task Serve_WithoutInit_SaysToInitialise()
    {
        string empty = Directory.CreateDirectory(Path.Combine(one.Node.Folder, "empty")).FullName;

        ProcessOutcome outcome = await RunAsync("serve", ChangedConfiguration(c => c["data"] = empty));

        Expect.ExitCode(1, outcome);
        Expect.Says("custodian init", outcome);
    }

    private Task<ProcessOutcome> RunAsync(string command, string configuration) => one.Node.RunWithAsync(configuration, command);

    private string ChangedConfiguration(Action<JsonObject> change) => one.Node.ChangeConfiguration(change);
}
