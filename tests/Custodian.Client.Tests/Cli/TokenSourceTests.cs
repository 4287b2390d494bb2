using System.Diagnostics;
using System.Globalization;
using Custodian.Cli.Reporting;
using Custodian.Cli.Tokens;
using Custodian.Protocol;

namespace Custodian.Client.Tests.Cli;

public sealed class TokenSourceTests : IDisposable
{
    private static readonly NodeId Node = NodeId.Parse("node-1.eu-west");
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("t/{node_id}.jwt", "t/node-1.eu-west.jwt")]
    [InlineData("{node_id}/token", "node-1.eu-west/token")]
    [InlineData("folder", "folder/node-1.eu-west.jwt")]
    public void FileOf_Pattern_NamesTheNodesFile(string pattern, string expected) =>
        Assert.Equal(expected, NodeFilePattern.Parse(pattern).FileOf(Node));

    [Fact]
    public void Parse_OneFileForAllNodes_IsAUsageFailure()
    {
        string file = _folder.Write("token.jwt", "e.y.j");

        Assert.Equal(ExitCode.Usage, Assert.Throws<CommandFailedException>(() => NodeFilePattern.Parse(file)).ExitCode);
    }

    [Fact]
    public async Task FileTokens_File_IsReadAnewAndTrimmed()
    {
        FileTokens tokens = new(NodeFilePattern.Parse(_folder.Path));
        _folder.Write("node-1.eu-west.jwt", "first\n");
        string first = await tokens.GetAsync(Node, default);
        _folder.Write("node-1.eu-west.jwt", " second \n");

        Assert.Equal(("first", "second"), (first, await tokens.GetAsync(Node, default)));
    }

    [Fact]
    public async Task FileTokens_NoFile_SaysWhichIsMissing()
    {
        FileTokens tokens = new(NodeFilePattern.Parse(_folder.Path));

        var failure = await Assert.ThrowsAsync<IOException>(() => tokens.GetAsync(Node, default).AsTask());

        Assert.EndsWith("node-1.eu-west.jwt does not exist", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MapTokens_Object_GivesEachNodeItsToken()
    {
        var tokens = MapTokens.Parse("TOKENS", """{ "node-1.eu-west": "one", "node-2.us-east": "two" }""");

        Assert.Equal("one", await tokens.GetAsync(Node, default));
        await Assert.ThrowsAsync<IOException>(() => tokens.GetAsync(NodeId.Parse("node-3"), default).AsTask());
    }

    [Theory]
    [InlineData(null)]
    [InlineData(" ")]
    [InlineData("[]")]
    [InlineData("""{ "node-1": 1 }""")]
    [InlineData("""{ "node-1": "SECRET-TOKEN", "node-1": "twice" }""")]
    [InlineData("SECRET-TOKEN")]
    public void MapTokens_NoMap_IsAUsageFailureThatQuotesNoToken(string? json)
    {
        var failure = Assert.Throws<CommandFailedException>(() => MapTokens.Parse("TOKENS", json));

        Assert.Equal(ExitCode.Usage, failure.ExitCode);
        Assert.DoesNotContain("SECRET-TOKEN", failure.Message + failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CommandTokens_Command_SeesTheNodeAndPrintsItsToken()
    {
        CommandTokens tokens = new("printf 'token of %s\\n' \"$CUSTODY_NODE\"", new Console().Surroundings());

        Assert.Equal("token of node-1.eu-west", await tokens.GetAsync(Node, default));
    }

    [Fact]
    public async Task CommandTokens_CommandReadsItsInput_FindsItEmpty()
    {
        CommandTokens tokens = new("cat; echo end", new Console().Surroundings(input: "the user's secret"));

        Assert.Equal("end", await tokens.GetAsync(Node, default));
    }

    [Theory]
    [InlineData("echo why >&2; exit 7", "the token command exited with status 7")]
    [InlineData("echo why >&2", "the token command printed nothing")]
    public async Task CommandTokens_CommandFails_PassesItsErrorsOn(string command, string expected)
    {
        using Console console = new();
        CommandTokens tokens = new(command, console.Surroundings());

        var failure = await Assert.ThrowsAsync<IOException>(() => tokens.GetAsync(Node, default).AsTask());

        Assert.Equal(expected, failure.Message);
        Assert.Equal("node-1.eu-west: why\n", console.Messages);
    }

    [Fact]
    public async Task CommandTokens_Cancelled_KillsTheCommand()
    {
        using CancellationTokenSource cancel = new();
        string started = _folder["started"];
        CommandTokens tokens = new($"echo $$ >'{started}.part'; mv '{started}.part' '{started}'; exec tail -f /dev/null", new Console().Surroundings());
        using FileSystemWatcher watcher = new(_folder.Path);
        TaskCompletionSource seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        watcher.Renamed += (_, _) => seen.TrySetResult();
        watcher.EnableRaisingEvents = true;
        Task<string> asking = tokens.GetAsync(Node, cancel.Token).AsTask();
        await seen.Task.WaitAsync(TimeSpan.FromSeconds(30));

        using var process = Process.GetProcessById(int.Parse(await File.ReadAllTextAsync(started), CultureInfo.InvariantCulture));

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
    }
}
