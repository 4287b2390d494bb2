using System.Security.Cryptography;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Files;

/// <summary>Reads small files that hold secrets, through pinned memory that is zeroed.</summary>
internal static class SecretFile
{
    /// <summary>More than any record takes, so that a wrong file name does not fill the memory.</summary>
    internal const int MaxBytes = 1024 * 1024;

    /// <summary>What to make of the content, which is zeroed afterwards.</summary>
    internal delegate T Reading<out T>(ReadOnlySpan<byte> content);

    /// <summary>Reads a file.</summary>
    /// <exception cref="CommandFailedException">It cannot be read, or is too large.</exception>
    internal static T Read<T>(string path, Reading<T> reading)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return Read(path, file, reading);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw CommandFailedException.Usage($"{path} does not exist");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandFailedException.Usage($"cannot read {path}: {Wording.Of(error)}");
        }
    }

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="source">The stream; also one whose length is not known.</param>
    /// <param name="reading">What to make of it.</param>
    /// <exception cref="CommandFailedException">It is too large.</exception>
    internal static T Read<T>(string name, Stream source, Reading<T> reading)
    {
        byte[] buffer = GC.AllocateArray<byte>(MaxBytes + 1, pinned: true);
        try
        {
            int length = source.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            return length <= MaxBytes
                ? reading(buffer.AsSpan(0, length))
                : throw CommandFailedException.Usage($"{name} is larger than {MaxBytes / 1024} KiB");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }
}
