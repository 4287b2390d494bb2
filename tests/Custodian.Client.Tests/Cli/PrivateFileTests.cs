using System.Runtime.Versioning;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;

namespace Custodian.Client.Tests.Cli;

[SupportedOSPlatform("linux")]
public sealed class PrivateFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Commit_NewFile_IsThereWithOwnerOnlyMode()
    {
        using (var file = PrivateFile.Claim(_folder["key.pem"], overwrite: false))
        {
            file.Commit("content"u8);
        }

        Assert.Equal("content", File.ReadAllText(_folder["key.pem"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["key.pem"]));
        Assert.Equal(["key.pem"], _folder.Names());
    }

    [Fact]
    public void Commit_ClaimedFile_WasPrivateFromTheStart()
    {
        using var file = PrivateFile.Claim(_folder["key.pem"], overwrite: false);

        string temporary = Assert.Single(_folder.Names());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder[temporary]));
        Assert.NotEqual("key.pem", temporary);
    }

    [Fact]
    public void Dispose_NotCommitted_LeavesNothing()
    {
        PrivateFile.Claim(_folder["key.pem"], overwrite: false).Dispose();

        Assert.Empty(_folder.Names());
    }

    [Fact]
    public void Claim_FileExists_IsRefusedAndLeftAlone()
    {
        _folder.Write("key.pem", "precious");

        var failure = Assert.Throws<CommandFailedException>(() => PrivateFile.Claim(_folder["key.pem"], overwrite: false));

        Assert.Equal(ExitCode.Output, failure.ExitCode);
        Assert.Contains("--force", failure.Hint, StringComparison.Ordinal);
        Assert.Equal(["key.pem"], _folder.Names());
        Assert.Equal("precious", File.ReadAllText(_folder["key.pem"]));
    }

    [Fact]
    public void Claim_DanglingLink_IsRefused()
    {
        File.CreateSymbolicLink(_folder["key.pem"], _folder["elsewhere"]);

        Assert.Throws<CommandFailedException>(() => PrivateFile.Claim(_folder["key.pem"], overwrite: false));
    }

    [Fact]
    public void Commit_Overwrite_ReplacesContentAndMode()
    {
        _folder.Write("key.pem", "old and longer");
        File.SetUnixFileMode(_folder["key.pem"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);

        using (var file = PrivateFile.Claim(_folder["key.pem"], overwrite: true))
        {
            file.Commit("new"u8);
        }

        Assert.Equal("new", File.ReadAllText(_folder["key.pem"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["key.pem"]));
    }

    [Fact]
    public void Commit_FileCameUpMeanwhile_IsNotOverwritten()
    {
        using var file = PrivateFile.Claim(_folder["key.pem"], overwrite: false);
        _folder.Write("key.pem", "someone else's");

        var failure = Assert.Throws<CommandFailedException>(() => file.Commit("mine"u8));

        Assert.Equal(ExitCode.Output, failure.ExitCode);
        Assert.Equal("someone else's", File.ReadAllText(_folder["key.pem"]));
    }

    [Fact]
    public void Commit_TemporaryWasReplacedByALink_WritesNothingThroughIt()
    {
        using var file = PrivateFile.Claim(_folder["key.pem"], overwrite: false);
        string temporary = _folder[Assert.Single(_folder.Names())];
        _folder.Write("elsewhere", "someone else's");
        File.Delete(temporary);
        File.CreateSymbolicLink(temporary, _folder["elsewhere"]);

        file.Commit("mine"u8);

        Assert.Equal("someone else's", File.ReadAllText(_folder["elsewhere"]));
    }

    [Theory]
    [InlineData("missing/key.pem")]
    [InlineData(".")]
    public void Claim_NoPlace_IsAnOutputFailure(string name)
    {
        var failure = Assert.Throws<CommandFailedException>(() => PrivateFile.Claim(_folder[name], overwrite: true));

        Assert.Equal(ExitCode.Output, failure.ExitCode);
    }
}
