using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using Custodian.Cli.Reporting;
using Custodian.Client;

namespace Custodian.Cli.Files;

/// <summary>
/// The owner key of a record as a file of one line: <c>custody-owner-key-v1</c>, a blank, and the 32 bytes in base64. It replaces or
/// deletes the record without the user's secret (protocol.md section 7), and is written with mode 0600.
/// </summary>
internal static class OwnerKeyFile
{
    private const int KeySize = 32;

    private static ReadOnlySpan<byte> Mark => "custody-owner-key-v1 "u8;

    /// <summary>Reads an owner key, for the caller to dispose.</summary>
    /// <exception cref="CommandFailedException">The file cannot be read, or holds no owner key.</exception>
    internal static SecretBytes Read(string path) => SecretFile.Read(path, content => Parse(content) ?? throw CommandFailedException.Usage(
        $"{path} is no owner key", "it is the file that --owner-key wrote when you enrolled"));

    /// <summary>Writes an owner key to the place that was claimed for it.</summary>
    /// <returns>See <see cref="PrivateFile.Commit"/>.</returns>
    /// <exception cref="CommandFailedException">The file cannot be written.</exception>
    internal static string? Write(PrivateFile file, SecretBytes ownerKey)
    {
        Span<byte> key = stackalloc byte[KeySize];
        byte[] line = GC.AllocateArray<byte>(Mark.Length + Base64.GetMaxEncodedToUtf8Length(KeySize) + 1, pinned: true);
        try
        {
            ownerKey.CopyTo(key);
            Mark.CopyTo(line);
            _ = Base64.EncodeToUtf8(key, line.AsSpan(Mark.Length), out _, out _);
            line[^1] = (byte)'\n';
            return file.Commit(line);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(line);
        }
    }

    /// <summary>
    /// Writes the owner key of a record that is stored already: what goes wrong is a warning then, for the record is in effect whatever the
    /// disk does.
    /// </summary>
    /// <param name="file">The place that was claimed; null for none.</param>
    /// <param name="ownerKey">The owner key.</param>
    /// <param name="reporter">Who warns.</param>
    /// <returns>The file's full name when it was written, else null.</returns>
    internal static string? WriteOrWarn(PrivateFile? file, SecretBytes ownerKey, Reporter reporter)
    {
        try
        {
            if (file is not null && Write(file, ownerKey) is { } unsynced)
            {
                reporter.Warn(unsynced);
            }

            return file?.FullPath;
        }
        catch (CommandFailedException failure)
        {
            reporter.Warn(
                $"the owner key is not written: {failure.Message}",
                "the record stands, and its secret recovers it; custody recover --owner-key FILE gets the owner key again");
            return null;
        }
    }

    /// <summary>Reads the line; null when it is not one, spelled as <see cref="Write"/> spells it.</summary>
    internal static SecretBytes? Parse(ReadOnlySpan<byte> content)
    {
        ReadOnlySpan<byte> line = content.TrimEnd("\r\n"u8);
        return line.StartsWith(Mark) ? Decode(line[Mark.Length..]) : null;
    }

    /// <summary>The decoder forgives blanks between the characters and bits that belong to no byte; this file has one spelling.</summary>
    private static SecretBytes? Decode(ReadOnlySpan<byte> base64)
    {
        Span<byte> key = stackalloc byte[KeySize];
        Span<byte> again = stackalloc byte[Base64.GetMaxEncodedToUtf8Length(KeySize)];
        try
        {
            return Base64.DecodeFromUtf8(base64, key, out _, out int written) == OperationStatus.Done && written == KeySize
                && Base64.EncodeToUtf8(key, again, out _, out _) == OperationStatus.Done
                && CryptographicOperations.FixedTimeEquals(again, base64)
                    ? new SecretBytes(key)
                    : null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(again);
        }
    }
}
