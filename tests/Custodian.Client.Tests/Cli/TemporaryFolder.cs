using System.Text;

namespace Custodian.Client.Tests.Cli;

/// <summary>A folder of a test's own, removed with what is in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("custody-test-").FullName;

    internal string this[string name] => System.IO.Path.Combine(Path, name);

    internal string Write(string name, string content)
    {
        File.WriteAllText(this[name], content);
        return this[name];
    }

    internal string[] Names() => [.. Directory.EnumerateFileSystemEntries(Path).Select(p => System.IO.Path.GetFileName(p)!).Order()];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Standard input, output and error of a command under test.</summary>
internal sealed class Console
{
    private readonly MemoryStream _output = new();
    private readonly StringWriter _messages = new();

    internal string Output => Encoding.UTF8.GetString(_output.ToArray());

    internal string Messages => _messages.ToString();

    internal Custodian.Cli.Surroundings Surroundings(
        string input = "", string terminal = "/nonexistent", TimeProvider? time = null, params (string Name, string Value)[] variables) => new()
        {
            Input = new MemoryStream(Encoding.UTF8.GetBytes(input)),
            Output = _output,
            Messages = _messages,
            Variable = name => variables.FirstOrDefault(v => v.Name == name).Value,
            TerminalPath = terminal,
            Time = time ?? TimeProvider.System,
        };

    internal Task<int> RunAsync(params string[] arguments) => Custodian.Cli.Commands.CustodyCommand.RunAsync(arguments, Surroundings());
}
