using Custodian.Cli.Reporting;
using Custodian.Protocol;

namespace Custodian.Cli.Tokens;

/// <summary>Tokens from files, <c>--tokens</c>.</summary>
internal sealed class FileTokens(NodeFilePattern pattern) : TokenSource
{
    /// <inheritdoc/>
    internal override async ValueTask<string> GetAsync(NodeId node, CancellationToken cancellation)
    {
        string path = pattern.FileOf(node);
        try
        {
            return (await File.ReadAllTextAsync(path, cancellation)).Trim();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new IOException($"{path} does not exist", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{path}: {Wording.Of(error)}", error);
        }
    }
}
