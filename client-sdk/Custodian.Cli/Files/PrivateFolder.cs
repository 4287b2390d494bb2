using Custodian.Cli.Reporting;

namespace Custodian.Cli.Files;

/// <summary>Folders that only their owner can enter.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes a folder with mode 0700, and those above it, unless they are there; one that is there is left as it is.</summary>
    /// <exception cref="CommandFailedException">It cannot be made.</exception>
    internal static void Create(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path);
            }
            else
            {
                Directory.CreateDirectory(path, OwnerOnly);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandFailedException(ExitCode.Output, "output", $"cannot make the folder {path}: {Wording.Of(error)}");
        }
    }
}
