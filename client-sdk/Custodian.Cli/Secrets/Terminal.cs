using System.Security.Cryptography;
using System.Text;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Secrets;

/// <summary>The person at the controlling terminal, who can be asked also when standard input and output are redirected.</summary>
internal sealed class Terminal : IDisposable
{
    /// <summary>The longest line that a Linux terminal hands over; it drops what is typed beyond, so a line this long is refused.</summary>
    private const int LongestLine = 4095;

    private readonly FileStream _device;

    private Terminal(FileStream device) => _device = device;

    /// <summary>Opens the terminal.</summary>
    /// <param name="path">The device, <c>/dev/tty</c>.</param>
    /// <param name="instead">What to do when there is none, as a hint.</param>
    /// <exception cref="CommandFailedException">There is none.</exception>
    internal static Terminal Open(string path, string instead)
    {
        try
        {
            return new Terminal(new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CommandFailedException.Usage("there is no terminal to ask on", instead);
        }
    }

    /// <summary>Asks for a secret; what is typed is not shown.</summary>
    /// <exception cref="CommandFailedException">Nothing was typed, or too much, or it is not UTF-8.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the echo is on again.</exception>
    internal async Task<SecretText> AskSecretAsync(string question, CancellationToken cancellation)
    {
        using TerminalEcho echo = TerminalEcho.Off(_device.SafeFileHandle);
        Write($"{question}: ");
        return await ReadLineAsync(line => SecretText.Decode(line), cancellation);
    }

    /// <summary>Asks for a line of text, and returns it without blanks at its ends.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal async Task<string> AskAsync(string question, CancellationToken cancellation)
    {
        Write(question);
        return await ReadLineAsync(line => Encoding.UTF8.GetString(line).Trim(), cancellation);
    }

    /// <summary>Shows a text.</summary>
    internal void Write(string text) => _device.Write(Encoding.UTF8.GetBytes(text));

    /// <summary>Closes the terminal.</summary>
    public void Dispose() => _device.Dispose();

    private delegate T LineReading<T>(ReadOnlySpan<byte> line);

    // A read of a terminal cannot be cancelled: whoever cancels stops waiting for it, and it ends with the process.
    private async Task<T> ReadLineAsync<T>(LineReading<T> read, CancellationToken cancellation)
    {
        byte[] buffer = GC.AllocateArray<byte>(LongestLine + 1, pinned: true);
        try
        {
            int length = await Task.Run(() => _device.Read(buffer), cancellation).WaitAsync(cancellation);
            if (length >= LongestLine)
            {
                throw CommandFailedException.Usage($"a line of more than {LongestLine - 1} bytes cannot be typed", "use --secret-stdin");
            }

            ReadOnlySpan<byte> line = buffer.AsSpan(0, length);
            return read(line.TrimEnd("\r\n"u8));
        }
        catch (OperationCanceledException)
        {
            Write("\n");
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }
}
