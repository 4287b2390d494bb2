using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Commands;

/// <summary>What a command does once its arguments are parsed.</summary>
/// <exception cref="CommandFailedException">It failed.</exception>
internal delegate Task CommandWork(ParseResult parsed, Reporter reporter, CancellationToken cancellation);

/// <summary>Gives a command its output options, and turns whatever ends it into a message and an exit status.</summary>
internal static class CommandBody
{
    internal static void Attach(Command command, Surroundings surroundings, CommandWork work)
    {
        OutputOptions output = new();
        output.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(output.Reporter(parsed, surroundings), r => work(parsed, r, cancellation)));
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "a person gets a sentence, not a stack trace")]
    private static async Task<int> RunAsync(Reporter reporter, Func<Reporter, Task> work)
    {
        try
        {
            await work(reporter);
            return ExitCode.Done;
        }
        catch (Exception error)
        {
            CommandFailedException failure = Failures.Of(error);
            reporter.Fail(failure);
            return failure.ExitCode;
        }
    }
}
