using Custodian.Cli.Reporting;
using Custodian.Cli.Secrets;
using Custodian.Client;

namespace Custodian.Cli.Files;

/// <summary>Where a recovered key goes: a private file, or standard output for <c>-</c>.</summary>
internal sealed class KeyOutput : IDisposable
{
    /// <summary>The name that stands for standard output.</summary>
    internal const string StandardOutput = "-";

    private readonly PrivateFile? _file;
    private readonly Stream _standardOutput;

    private KeyOutput(PrivateFile? file, Stream standardOutput) => (_file, _standardOutput) = (file, standardOutput);

    /// <summary>The file's full name, or null for standard output.</summary>
    internal string? Path => _file?.FullPath;

    /// <summary>Makes sure, before an attempt is spent, that the key can be written.</summary>
    /// <exception cref="CommandFailedException">It cannot, or the file exists and may not be replaced.</exception>
    internal static KeyOutput Claim(string name, bool overwrite, Surroundings surroundings) =>
        new(name == StandardOutput ? null : PrivateFile.Claim(name, overwrite), surroundings.Output);

    /// <summary>Writes the key, durably when it goes to a file.</summary>
    /// <returns>See <see cref="PrivateFile.Commit"/>.</returns>
    /// <exception cref="CommandFailedException">The disk is full, or the file has come up meanwhile.</exception>
    /// <exception cref="IOException">Standard output was closed.</exception>
    internal string? Write(SecretBytes key) => key.WithBytes(bytes =>
    {
        if (_file is not null)
        {
            return _file.Commit(bytes);
        }

        _standardOutput.Write(bytes);
        _standardOutput.Flush();
        return null;
    });

    /// <summary>Gives the place up, unless the key was written.</summary>
    public void Dispose() => _file?.Dispose();
}
