using Custodian.Node.Host;

namespace Custodian.Node.Commands;

/// <summary>
/// Held by the one command at a time that changes the token's keys, or the database that says what is under them, or by those that copy it. It is a file in the
/// data folder, and keeps nobody from the token who is not such a command on this machine. Gone with the process, however that ends.
/// </summary>
internal sealed class KeyLock : IDisposable
{
    private readonly FileStream _file;

    private KeyLock(FileStream file) => _file = file;

    /// <summary>Nothing where there is no database: then there are no keys of it to change.</summary>
    /// <exception cref="NodeStartException">Another command holds it.</exception>
    internal static KeyLock? TakeIfThereIsADatabase(NodeConfiguration configuration) =>
        File.Exists(configuration.DatabaseFile) ? Take(configuration) : null;

    /// <inheritdoc cref="Share"/>
    internal static KeyLock? ShareIfThereIsADatabase(NodeConfiguration configuration) =>
        File.Exists(configuration.DatabaseFile) ? Share(configuration) : null;

    /// <summary>Held by backups, several at a time: a copy must not be taken while a key that it may be under is destroyed.</summary>
    /// <exception cref="NodeStartException">Another command holds it.</exception>
    internal static KeyLock Share(NodeConfiguration configuration) => Take(configuration, FileAccess.Read, FileShare.Read);

    /// <exception cref="NodeStartException">Another command holds it.</exception>
    internal static KeyLock Take(NodeConfiguration configuration) => Take(configuration, FileAccess.ReadWrite, FileShare.None);

    private static KeyLock Take(NodeConfiguration configuration, FileAccess access, FileShare share)
    {
        string path = Path.Combine(configuration.DataFolder, "keys.lock");
        try
        {
            return new KeyLock(new FileStream(path, FileMode.OpenOrCreate, access, share));
        }
        catch (IOException held) when (File.Exists(path))
        {
            throw new NodeStartException("another 'custodian keys' or 'custodian restore' is at work on this node, or a 'custodian backup'; wait for its end", held);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
