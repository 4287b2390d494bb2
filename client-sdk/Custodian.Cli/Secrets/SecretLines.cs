using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Secrets;

/// <summary>Secrets from standard input, one a line, for scripts.</summary>
internal static class SecretLines
{
    /// <summary>The most bytes that all lines may have together.</summary>
    internal const int MaxBytes = 16 * 1024;

    /// <summary>
    /// Reads <paramref name="count"/> lines. It stops after the last of them, so that the writer need not close its end; the last one may
    /// lack its line break. A break is <c>\n</c> or <c>\r\n</c>, and no part of the secret.
    /// </summary>
    /// <exception cref="CommandFailedException">There are too few or too many lines, or one is too long, empty, or not UTF-8.</exception>
    internal static async Task<ImmutableArray<SecretText>> ReadAsync(Stream input, int count, CancellationToken cancellation)
    {
        byte[] buffer = GC.AllocateArray<byte>(MaxBytes + 1, pinned: true);
        try
        {
            int length = await FillAsync(input, buffer, count, cancellation);
            return Split(buffer.AsSpan(0, length), count);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }

    private static async Task<int> FillAsync(Stream input, byte[] buffer, int count, CancellationToken cancellation)
    {
        int length = 0;
        while (buffer.AsSpan(0, length).Count((byte)'\n') < count)
        {
            if (length == buffer.Length)
            {
                throw CommandFailedException.Usage($"the secret on standard input is longer than {MaxBytes} bytes");
            }

            // A pipe's read does not notice a cancellation by itself.
            int read = await input.ReadAsync(buffer.AsMemory(length), cancellation).AsTask().WaitAsync(cancellation);
            if (read == 0)
            {
                break;
            }

            length += read;
        }

        return length;
    }

    private static ImmutableArray<SecretText> Split(ReadOnlySpan<byte> lines, int count)
    {
        List<SecretText> secrets = [];
        try
        {
            while (!lines.IsEmpty && secrets.Count < count)
            {
                int end = lines.IndexOf((byte)'\n');
                ReadOnlySpan<byte> line = end < 0 ? lines : lines[..end];
                secrets.Add(SecretText.Decode(line.EndsWith("\r"u8) ? line[..^1] : line));
                lines = end < 0 ? [] : lines[(end + 1)..];
            }

            return secrets.Count == count && lines.IsEmpty ? [.. secrets] : throw WrongCount(count);
        }
        catch
        {
            secrets.ForEach(s => s.Dispose());
            throw;
        }
    }

    private static CommandFailedException WrongCount(int count) => CommandFailedException.Usage(
        count == 1 ? "standard input must hold the secret, in one line" : $"standard input must hold {count} secrets, one a line",
        count == 1 ? "printf '%s' \"$secret\" | custody ... --secret-stdin" : "the old secret is line 1, the new one line 2");
}
