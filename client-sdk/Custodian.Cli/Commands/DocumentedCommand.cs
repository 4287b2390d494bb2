using System.CommandLine;

namespace Custodian.Cli.Commands;

/// <summary>A command with a line for the list of commands, and more for its own help.</summary>
/// <param name="name">What is typed.</param>
/// <param name="summary">The line.</param>
/// <param name="details">What its help says after the options.</param>
internal sealed class DocumentedCommand(string name, string summary, string details) : Command(name, summary)
{
    internal string Details => details;
}
