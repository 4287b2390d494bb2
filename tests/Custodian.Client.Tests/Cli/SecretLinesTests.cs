using System.Text;
using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;

namespace Custodian.Client.Tests.Cli;

public sealed class SecretLinesTests
{
    [Theory]
    [InlineData("four words make sense")]
    [InlineData("four words make sense\n")]
    [InlineData("four words make sense\r\n")]
    public async Task ReadAsync_OneLine_LeavesTheLineBreakOut(string input)
    {
        using SecretText secret = (await ReadAsync(input, 1))[0];

        Assert.Equal("four words make sense", secret.Span.ToString());
    }

    [Fact]
    public async Task ReadAsync_BlanksAndNonAscii_AreKept()
    {
        using SecretText secret = (await ReadAsync(" zwölf Größen 🔑 \n", 1))[0];

        Assert.Equal(" zwölf Größen 🔑 ", secret.Span.ToString());
    }

    [Fact]
    public async Task ReadAsync_TwoLines_ComeInOrder()
    {
        var secrets = await ReadAsync("old\nnew", 2);

        Assert.Equal(["old", "new"], secrets.Select(s => s.Span.ToString()));
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("\n", 1)]
    [InlineData("one\ntwo\n", 1)]
    [InlineData("one\n", 2)]
    [InlineData("one\n\n", 2)]
    [InlineData("one\ntwo\nthree", 2)]
    public async Task ReadAsync_OtherNumberOfLines_IsAUsageFailure(string input, int count)
    {
        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => ReadAsync(input, count));

        Assert.Equal(ExitCode.Usage, failure.ExitCode);
    }

    [Fact]
    public async Task ReadAsync_NotUtf8_IsRefusedWithoutQuotingIt()
    {
        using MemoryStream input = new([0x70, 0xff, 0x70]);

        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => SecretLines.ReadAsync(input, 1, default));

        Assert.Equal("the secret is not UTF-8", failure.Message);
    }

    [Theory]
    [InlineData(SecretLines.MaxBytes, true)]
    [InlineData(SecretLines.MaxBytes + 1, false)]
    public async Task ReadAsync_LongLine_IsTakenUpToTheLimit(int length, bool taken)
    {
        Exception? failure = await Record.ExceptionAsync(() => ReadAsync(new string('x', length), 1));

        Assert.Equal(taken, failure is null);
    }

    [Fact]
    public async Task ReadAsync_WriterKeepsItsEndOpen_ReturnsAfterTheLine()
    {
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.Out);
        using var reader = new System.IO.Pipes.AnonymousPipeClientStream(System.IO.Pipes.PipeDirection.In, pipe.ClientSafePipeHandle);
        await pipe.WriteAsync("here\n"u8.ToArray());

        using SecretText secret = (await SecretLines.ReadAsync(reader, 1, default))[0];

        Assert.Equal("here", secret.Span.ToString());
    }

    [Fact]
    public async Task ReadAsync_CancelledWhileWaiting_Ends()
    {
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.Out);
        using var reader = new System.IO.Pipes.AnonymousPipeClientStream(System.IO.Pipes.PipeDirection.In, pipe.ClientSafePipeHandle);
        using CancellationTokenSource cancel = new();
        Task reading = SecretLines.ReadAsync(reader, 1, cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public void Dispose_Secret_IsZeroed()
    {
        SecretText secret = SecretText.Decode("abc"u8);
        ReadOnlySpan<char> characters = secret.Span;

        secret.Dispose();

        Assert.Equal("\0\0\0", characters.ToString());
        Assert.Equal("[secret]", secret.ToString());
    }

    private static Task<System.Collections.Immutable.ImmutableArray<SecretText>> ReadAsync(string input, int count) =>
        SecretLines.ReadAsync(new MemoryStream(Encoding.UTF8.GetBytes(input)), count, default);
}
