namespace Custodian.Node.Host;

/// <summary>Tells a waiting script that the node serves, and where: the file appears whole, and goes when the node stops.</summary>
internal sealed class ReadyFile : IDisposable
{
    private readonly string? _path;

    private ReadyFile(string? path) => _path = path;

    internal static ReadyFile Write(string? path, string address)
    {
        if (path is not null)
        {
            string written = path + ".new";
            File.WriteAllText(written, address);
            File.Move(written, path, overwrite: true);
        }

        return new ReadyFile(path);
    }

    public void Dispose()
    {
        if (_path is not null)
        {
            File.Delete(_path);
        }
    }
}
