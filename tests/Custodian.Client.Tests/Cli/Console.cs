using System.Text;
using Custodian.Cli;
using Custodian.Cli.Commands;

namespace Custodian.Client.Tests.Cli;

/// <summary>Standard input, output and error of a command under test.</summary>
internal sealed class Console : IDisposable
{
    private readonly MemoryStream _output = new();
    private readonly StringWriter _messages = new();

    internal string Output => Encoding.UTF8.GetString(_output.ToArray());

    internal string Messages => _messages.ToString();

    internal Surroundings Surroundings(
        string input = "", string terminal = "/nonexistent", TimeProvider? time = null, params (string Name, string Value)[] variables) => new()
        {
            Input = new MemoryStream(Encoding.UTF8.GetBytes(input)),
            Output = _output,
            Messages = _messages,
            Variable = name => variables.FirstOrDefault(v => v.Name == name).Value,
            TerminalPath = terminal,
            Time = time ?? TimeProvider.System,
        };

    internal Task<int> RunAsync(params string[] arguments) => CustodyCommand.RunAsync(arguments, Surroundings());

    public void Dispose()
    {
        _output.Dispose();
        _messages.Dispose();
    }
}
