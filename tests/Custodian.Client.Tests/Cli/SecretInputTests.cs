using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;

namespace Custodian.Client.Tests.Cli;

public sealed class SecretInputTests : IDisposable
{
    private readonly PseudoTerminal _terminal = new();
    private readonly Console _console = new();

    private SecretInput Input => new(_console.Surroundings(terminal: _terminal.Path), fromStandardInput: false);

    public void Dispose()
    {
        _terminal.Dispose();
        _console.Dispose();
    }

    [Fact]
    public async Task AskAsync_Typed_IsNotShown()
    {
        Task<SecretText> asking = Input.AskAsync("secret", default);
        await _terminal.SeeAsync("secret: ");

        _terminal.Type("größer 🔑\n");

        using SecretText secret = await asking;
        Assert.Equal("größer 🔑", secret.Span.ToString());
        Assert.Equal("\r\n", await _terminal.SeeAsync("\n"));
    }

    [Fact]
    public async Task AskAsync_Backspace_EditsTheLine()
    {
        Task<SecretText> asking = Input.AskAsync("secret", default);
        await _terminal.SeeAsync("secret: ");

        _terminal.Type("wrong\x7f\x7f\x7f\x7f\x7fright\n");

        using SecretText secret = await asking;
        Assert.Equal("right", secret.Span.ToString());
    }

    [Fact]
    public async Task AskAsync_Afterwards_EchoIsOnAgain()
    {
        Task<SecretText> asking = Input.AskAsync("secret", default);
        await _terminal.SeeAsync("secret: ");
        _terminal.Type("x\n");
        (await asking).Dispose();
        await _terminal.SeeAsync("\n");

        _terminal.Type("visible\n");

        Assert.Equal("visible\r\n", await _terminal.SeeAsync("\n"));
    }

    [Fact]
    public async Task AskAsync_Cancelled_EchoIsOnAgain()
    {
        using CancellationTokenSource cancel = new();
        Task<SecretText> asking = Input.AskAsync("secret", cancel.Token);
        await _terminal.SeeAsync("secret: ");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await _terminal.SeeAsync("\n");
        _terminal.Type("visible\n");
        Assert.Equal("visible\r\n", await _terminal.SeeAsync("\n"));
    }

    [Fact]
    public async Task AskNewAsync_TheSameTwice_IsTaken()
    {
        Task<SecretText> asking = Input.AskNewAsync("new secret", default);
        await TypeAtAsync("new secret: ", "one\n");
        await TypeAtAsync("once more: ", "one\n");

        using SecretText secret = await asking;
        Assert.Equal("one", secret.Span.ToString());
    }

    [Theory]
    [InlineData("one", "two")]
    [InlineData("one", "one ")]
    [InlineData("one", "")]
    public async Task AskNewAsync_TwoThatDiffer_IsAUsageFailure(string first, string second)
    {
        Task<SecretText> asking = Input.AskNewAsync("new secret", default);
        await TypeAtAsync("new secret: ", first + "\n");
        await TypeAtAsync("once more: ", second + "\n");

        Assert.Equal(ExitCode.Usage, (await Assert.ThrowsAsync<CommandFailedException>(() => asking)).ExitCode);
    }

    [Fact]
    public async Task AskOldAndNewAsync_Terminal_AsksThreeTimes()
    {
        var asking = Input.AskOldAndNewAsync("old secret", "new secret", default);
        await TypeAtAsync("old secret: ", "before\n");
        await TypeAtAsync("new secret: ", "after\n");
        await TypeAtAsync("once more: ", "after\n");

        (SecretText old, SecretText next) = await asking;
        Assert.Equal(("before", "after"), (old.Span.ToString(), next.Span.ToString()));
        old.Dispose();
        next.Dispose();
    }

    [Fact]
    public async Task AskAsync_NoTerminal_SaysWhatToDoInstead()
    {
        SecretInput input = new(_console.Surroundings(), fromStandardInput: false);

        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => input.AskAsync("secret", default));

        Assert.Equal(ExitCode.Usage, failure.ExitCode);
        Assert.Contains("--secret-stdin", failure.Hint, StringComparison.Ordinal);
    }

    private async Task TypeAtAsync(string question, string text)
    {
        await _terminal.SeeAsync(question);
        _terminal.Type(text);
    }
}
