using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>What a finished process left: its exit status and what it printed.</summary>
internal sealed record ProcessOutcome(int ExitCode, string Output, string Error)
{
    /// <summary>Everything it printed.</summary>
    internal string All => Output + Error;
}

/// <summary>A process started for a test, with its output kept, that is gone when the test is.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int SigKill = 9;
    private const int SigTerm = 15;
    private const int SigCont = 18;
    private const int SigStop = 19;

    private readonly Process _process;

    private ChildProcess(Process process)
    {
        _process = process;
        Output = Transcript.Of(process.StandardOutput);
        Error = Transcript.Of(process.StandardError);
    }

    internal int Id => _process.Id;

    internal bool HasExited => _process.HasExited;

    /// <summary>Standard output.</summary>
    internal Transcript Output { get; }

    /// <summary>Standard error.</summary>
    internal Transcript Error { get; }

    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables over those of this process.</param>
    /// <param name="input">Its standard input, which ends after it.</param>
    internal static ChildProcess Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? input = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // The runtime's diagnostic sockets in the temporary folder outlive a process that is killed.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var child = new ChildProcess(Process.Start(start)!);
        child.Feed(input ?? "");
        return child;
    }

    /// <summary>Starts a program and waits for its end.</summary>
    internal static async Task<ProcessOutcome> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? input = null)
    {
        await using ChildProcess child = Start(program, arguments, environment, input);
        return await child.WaitAsync();
    }

    internal async Task<ProcessOutcome> WaitAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2), TimeProvider.System);
        await _process.WaitForExitAsync(patience.Token);
        return new ProcessOutcome(_process.ExitCode, await Output.Ended, await Error.Ended);
    }

    /// <summary>SIGKILL: the process gets no chance to finish anything.</summary>
    internal async Task KillAsync()
    {
        Signal(SigKill);
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM: asks the process to stop.</summary>
    internal void Terminate() => Signal(SigTerm);

    /// <summary>SIGSTOP: the process keeps its sockets and answers nothing.</summary>
    internal void Pause() => Signal(SigStop);

    /// <summary>SIGCONT.</summary>
    internal void Continue() => Signal(SigCont);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private void Feed(string input)
    {
        try
        {
            _process.StandardInput.Write(input);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading its input; its exit status says what a test wants to know.
        }
    }

    private void Signal(int signal)
    {
        if (!_process.HasExited)
        {
            _ = SendSignal(_process.Id, signal);
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int processId, int signal);
}
