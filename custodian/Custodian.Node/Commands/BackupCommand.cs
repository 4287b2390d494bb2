using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;

namespace Custodian.Node.Commands;

/// <summary><c>custodian backup</c>: a consistent copy of the database, while the node serves or not.</summary>
internal static class BackupCommand
{
    private sealed record Written(string File, long Bytes);

    internal static Command Build()
    {
        var common = new CommonOptions();
        var to = new Option<string>("--to") { Description = "the file to write; must not exist", Required = true };
        return common.Build(
            "backup",
            "Writes a consistent copy of the database, also while the node serves. It opens only with the same HSM keys. "
            + "A node that goes on from a copy has forgotten the attempts made since: restore only what was lost.",
            [to],
            (parsed, configuration, _) => Task.FromResult(
                Run(configuration, Path.GetFullPath(parsed.GetValue(to)!), parsed.GetValue(common.Json))));
    }

    private static int Run(NodeConfiguration configuration, string to, bool json)
    {
        if (File.Exists(to))
        {
            Terminal.Error($"{to} is there already; name a new file");
            return ExitCode.Failed;
        }

        using KeyLock? whole = KeyLock.ShareIfThereIsADatabase(configuration);
        DatabaseBackup.Write(NodeRuntime.StoreOptions(configuration), to, TimeProvider.System);
        var written = new Written(to, new FileInfo(to).Length);
        Terminal.Print(json, written, text => text.WriteLine($"{written.File}  {written.Bytes} bytes"));
        return ExitCode.Done;
    }
}
