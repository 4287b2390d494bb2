using Custodian.Node.Host;

namespace Custodian.Node.Commands;

/// <summary>
/// Held by the one command at a time that changes the token's keys, or the database that says what is under them. It is a file in the
/// data folder, and keeps nobody from the token who is not such a command on this machine. Gone with the process, however that ends.
/// </summary>
internal sealed class KeyLock : IDisposable
{
    private readonly FileStream _file;

    private KeyLock(FileStream file) => _file = file;

    /// <exception cref="NodeStartException">Another command holds it.</exception>
    internal static KeyLock Take(NodeConfiguration configuration)
    {
        string path = Path.Combine(configuration.DataFolder, "keys.lock");
        try
        {
            return new KeyLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException held) when (File.Exists(path))
        {
            throw new NodeStartException("another 'custodian keys' or 'custodian restore' is at work on this node; wait for its end", held);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
