using System.Text.Json;
using Custodian.Cli.Reporting;

namespace Custodian.Client.Tests.Cli;

/// <summary>What is refused before any node is asked. Addresses lead nowhere: port 9 of this machine.</summary>
public sealed class CommandLineTests : IDisposable
{
    private const string Set = """
        { "set_id": "test", "threshold": 2, "nodes": [
          { "node_id": "node-1", "region": "a", "operator": "x", "address": "https://127.0.0.1:9" },
          { "node_id": "node-2", "region": "b", "operator": "y", "address": "https://127.0.0.1:10" },
          { "node_id": "node-3", "region": "c", "operator": "z", "address": "https://127.0.0.1:11" } ] }
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly Console _console = new();

    public CommandLineTests() => _folder.Write("custodians.json", Set);

    private string[] Client => ["--set", _folder["custodians.json"], "--tokens", _folder["{node_id}.jwt"]];

    public void Dispose()
    {
        _folder.Dispose();
        _console.Dispose();
    }

    [Theory]
    [InlineData("bogus")]
    [InlineData("recover")]
    [InlineData("status", "--set", "x")]
    [InlineData("status", "--set", "x", "--tokens", "a", "--tokens-env", "b")]
    [InlineData("enroll", "--set", "x", "--tokens", "a", "--key", "k", "--max-attempts", "0")]
    [InlineData("enroll", "--set", "x", "--tokens", "a", "--key", "k", "--max-attempts", "101")]
    [InlineData("change-secret", "--set", "x", "--tokens", "a", "--owner-key", "k")]
    [InlineData("change-secret", "--set", "x", "--tokens", "a", "--key", "k")]
    [InlineData("dev-issuer", "--dir", "d", "--issuer", "not a url")]
    [InlineData("dev-token", "--dir", "d", "--set", "s", "--subject", "u", "--out", "o", "--lifetime", "2h")]
    public async Task Run_WrongUsage_ExitsWithTwoAndPointsToHelp(params string[] arguments)
    {
        Assert.Equal(ExitCode.Usage, await _console.RunAsync(arguments));
        Assert.StartsWith("custody: ", _console.Messages, StringComparison.Ordinal);
        Assert.Matches("hint: custody .*--help\n$", _console.Messages);
        Assert.Equal("", _console.Output);
    }

    [Fact]
    public async Task Run_WrongUsageWithJson_PrintsOneObject()
    {
        Assert.Equal(ExitCode.Usage, await _console.RunAsync("recover", "--json"));

        JsonElement failure = JsonDocument.Parse(_console.Output).RootElement;
        Assert.Equal("usage", failure.GetProperty("error").GetString());
        Assert.Equal(JsonValueKind.Object, failure.GetProperty("nodes").ValueKind);
        Assert.Equal("", _console.Messages);
    }

    [Fact]
    public async Task Recover_KeyAndJsonBothToStandardOutput_IsRefused()
    {
        Assert.Equal(ExitCode.Usage, await _console.RunAsync(["recover", .. Client, "--out", "-", "--json"]));
        Assert.Contains("--json and --out -", _console.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("recover", "--help")]
    public async Task Run_Help_ListsEveryExitCode(params string[] arguments)
    {
        Assert.Equal(ExitCode.Done, await _console.RunAsync(arguments));
        Assert.All([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130], code => Assert.Matches($"(?m)^ +{code}  ", _console.Output));
    }

    [Fact]
    public async Task Recover_OutputExists_IsRefusedBeforeTheSecretIsRead()
    {
        _folder.Write("key.pem", "precious");

        int status = await _console.RunAsync(["recover", .. Client, "--out", _folder["key.pem"], "--secret-stdin"]);

        Assert.Equal(ExitCode.Output, status);
        Assert.Equal("precious", await File.ReadAllTextAsync(_folder["key.pem"]));
    }

    [Fact]
    public async Task Recover_NoTokens_ExitsWithSixAndLeavesNoFile()
    {
        int status = await _console.RunAsync(["recover", .. Client, "--out", _folder["key.pem"], "--secret-stdin", "--json"]);

        JsonElement failure = JsonDocument.Parse(_console.Output).RootElement;
        Assert.Equal(ExitCode.TokenRefused, status);
        Assert.Equal("token_refused", failure.GetProperty("error").GetString());
        Assert.Equal("no_token", failure.GetProperty("nodes").GetProperty("node-1").GetProperty("condition").GetString());
        Assert.Equal(["custodians.json"], _folder.Names());
    }

    [Theory]
    [InlineData("missing.pem", null)]
    [InlineData("empty.pem", "")]
    public async Task Enroll_NoKey_ExitsWithTwo(string name, string? content)
    {
        if (content is not null)
        {
            _folder.Write(name, content);
        }

        Assert.Equal(ExitCode.Usage, await _console.RunAsync(["enroll", .. Client, "--key", _folder[name], "--secret-stdin"]));
        Assert.Contains(name, _console.Messages, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Enroll_KeyAndSecretFromStandardInput_ExitsWithTwo() =>
        Assert.Equal(ExitCode.Usage, await _console.RunAsync(["enroll", .. Client, "--key", "-", "--secret-stdin"]));

    [Fact]
    public async Task Delete_NobodyToAskAndNoYes_ExitsWithTwo()
    {
        Assert.Equal(ExitCode.Usage, await _console.RunAsync(["delete", .. Client, "--secret-stdin"]));
        Assert.Contains("add --yes", _console.Messages, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_SetWithMistakes_NamesEachOfThem()
    {
        _folder.Write("custodians.json", Set.Replace("\"c\"", "\"a\"", StringComparison.Ordinal).Replace(": 2", ": 1", StringComparison.Ordinal));

        Assert.Equal(ExitCode.Usage, await _console.RunAsync(["status", .. Client]));
        Assert.Contains("nodes[2].region", _console.Messages, StringComparison.Ordinal);
        Assert.Contains("threshold", _console.Messages, StringComparison.Ordinal);
    }
}
