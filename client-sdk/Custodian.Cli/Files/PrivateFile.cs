using System.Security.Cryptography;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Files;

/// <summary>
/// A file that only its owner can read, written as a whole or not at all: opened under another name in the same folder before the work
/// begins, so that a folder that cannot be written costs no attempt, and renamed when the content is on the disk.
/// </summary>
/// <remarks>
/// A crash before <see cref="Commit"/> leaves at most an empty <c>.name.random.part</c>; within it, that file may hold a part of the
/// content, with mode 0600. A crash after it leaves the file under its own name.
/// </remarks>
internal sealed class PrivateFile : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;
    private readonly string _temporary;
    private readonly bool _overwrite;

    // Kept open from its making on: another file of that name, put there meanwhile, gets nothing.
    private readonly FileStream _content;
    private bool _committed;

    private PrivateFile(string path, bool overwrite)
    {
        _path = path;
        _overwrite = overwrite;
        _temporary = Path.Combine(FolderOf(path), $".{Path.GetFileName(path)}.{RandomNumberGenerator.GetHexString(8, lowercase: true)}.part");
        _content = OpenNew(_temporary);
    }

    /// <summary>The file's full name.</summary>
    internal string FullPath => _path;

    /// <summary>Claims a place for the file, without touching what may be there.</summary>
    /// <param name="path">The file to be.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <exception cref="CommandFailedException">The file exists and may not be replaced, or the folder cannot be written.</exception>
    internal static PrivateFile Claim(string path, bool overwrite)
    {
        try
        {
            string full = Path.GetFullPath(path);
            RefuseOccupied(full, overwrite);
            return new PrivateFile(full, overwrite);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Unwritable(path, error);
        }
    }

    /// <summary>Writes the content, waits until it is on the disk, and gives the file its name. Once only.</summary>
    /// <returns>
    /// Null; or, when the file is there and only its folder could not be synced, so that a power cut now may take its name away, why.
    /// </returns>
    /// <exception cref="CommandFailedException">The disk is full, or a file of that name has come up meanwhile.</exception>
    internal string? Commit(ReadOnlySpan<byte> content)
    {
        try
        {
            using (_content)
            {
                _content.Write(content);
                _content.Flush(flushToDisk: true);
            }

            File.Move(_temporary, _path, _overwrite);
            _committed = true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(_path, error);
        }

        return SyncFolder();
    }

    /// <summary>Gives the place up, unless the file was committed.</summary>
    public void Dispose()
    {
        _content.Dispose();
        if (!_committed)
        {
            File.Delete(_temporary);
        }
    }

    private string? SyncFolder()
    {
        try
        {
            Libc.SyncFolder(FolderOf(_path));
            return null;
        }
        catch (IOException error)
        {
            return $"{_path} is written, but its folder could not be synced: {Wording.Of(error)}";
        }
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(path) ?? path;

    private static FileStream OpenNew(string path)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return new FileStream(path, options);
    }

    // A dangling symbolic link counts as a file: what it points to may be a place that the person does not mean.
    private static void RefuseOccupied(string path, bool overwrite)
    {
        if (Directory.Exists(path))
        {
            throw new CommandFailedException(ExitCode.Output, "output", $"{path} is a folder", "name a file in it");
        }

        if (!overwrite && new FileInfo(path) is var file && (file.Exists || file.LinkTarget is not null))
        {
            throw new CommandFailedException(
                ExitCode.Output, "output", $"{path} exists already", "name another file, or add --force to replace it");
        }
    }

    private static CommandFailedException Unwritable(string path, Exception error) => new(
        ExitCode.Output, "output", $"cannot write {path}: {Wording.Of(error)}", "name a file in a folder that exists and that you may write");
}
