using System.ComponentModel;
using System.Diagnostics;
using Custodian.Cli.Reporting;
using Custodian.Protocol;

namespace Custodian.Cli.Tokens;

/// <summary>
/// Tokens from a command run per node by <c>/bin/sh -c</c> with <c>CUSTODY_NODE</c> set, <c>--tokens-command</c>. Its standard output is
/// the token. Its standard input is empty, for ours may hold the secret.
/// </summary>
internal sealed class CommandTokens(string command, Surroundings surroundings) : TokenSource
{
    /// <summary>How long a command may take.</summary>
    internal static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>The variable that names the node.</summary>
    internal const string NodeVariable = "CUSTODY_NODE";

    private readonly Lock _printing = new();

    /// <inheritdoc/>
    internal override async ValueTask<string> GetAsync(NodeId node, CancellationToken cancellation)
    {
        using CancellationTokenSource timeout = new(Timeout, surroundings.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        using Process process = Start(node);
        try
        {
            return await ReadAsync(process, node, either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new IOException($"the token command took more than {Wording.Duration(Timeout)}");
        }
        finally
        {
            Stop(process);
        }
    }

    private Process Start(NodeId node)
    {
        ProcessStartInfo start = new("/bin/sh")
        {
            ArgumentList = { "-c", command },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment[NodeVariable] = node.Value;
        try
        {
            Process process = Process.Start(start)!;
            process.StandardInput.Close();
            return process;
        }
        catch (Win32Exception error)
        {
            throw new IOException($"the token command cannot be run: {Wording.Of(error)}", error);
        }
    }

    private async Task<string> ReadAsync(Process process, NodeId node, CancellationToken cancellation)
    {
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
        string output = await process.StandardOutput.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        if (process.ExitCode == 0 && output.Trim() is { Length: > 0 } token)
        {
            return token;
        }

        PassOn(node, await errors);
        throw new IOException(process.ExitCode == 0
            ? "the token command printed nothing"
            : $"the token command exited with status {process.ExitCode}");
    }

    private void PassOn(NodeId node, string errors)
    {
        lock (_printing)
        {
            foreach (string line in errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                surroundings.Messages.WriteLine(Wording.Printable($"{node}: {line}"));
            }
        }
    }

    private static void Stop(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
    }
}
