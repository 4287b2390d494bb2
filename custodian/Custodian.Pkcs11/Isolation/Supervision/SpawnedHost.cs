using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>A process that was started to hold the HSM, with its pipes.</summary>
internal sealed class SpawnedHost : IDisposable
{
    // What the runtime is told in the child: no debugger's socket, no dump of a crash, one small heap, no threads it can do without.
    private static readonly (string Name, string? Value)[] Runtime =
    [
        ("DOTNET_EnableDiagnostics", "0"),
        ("DOTNET_DbgEnableMiniDump", "0"),
        ("DOTNET_gcServer", "0"),
        ("DOTNET_gcConcurrent", "0"),
        ("DOTNET_TieredPGO", "0"),
        ("CUSTODIAN_PIN", null),
    ];

    private readonly Process process;

    private SpawnedHost(Process process)
    {
        this.process = process;
        Id = process.Id;
        (Input, Output, Errors) = (process.StandardInput.BaseStream, process.StandardOutput.BaseStream, process.StandardError.BaseStream);
        Exited = ExitAsync();
    }

    public int Id { get; }

    /// <summary>Its exit status, once it is gone.</summary>
    public Task<int> Exited { get; }

    public Stream Input { get; }

    public Stream Output { get; }

    public Stream Errors { get; }

    /// <exception cref="HsmException">The program cannot be started.</exception>
    public static async Task<SpawnedHost> StartAsync(HostProgram program)
    {
        var start = new ProcessStartInfo(program.Path, program.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Runtime.Concat(program.Environment.Select(pair => (pair.Key, pair.Value))))
        {
            start.Environment[name] = value;
        }
        try
        {
            return new SpawnedHost(await SpawningThread.StartAsync(start).ConfigureAwait(false));
        }
        catch (Exception e) when (e is Win32Exception or IOException or InvalidOperationException)
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, "hsm-host", $"The HSM's process {program.Path} does not start: {e.Message}", e);
        }
    }

    /// <summary>SIGKILL. Does nothing to one that is gone.</summary>
    public void Kill()
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It is gone, and its handle with it.
        }
    }

    /// <summary>Ends its input, which asks it to end. Does nothing to one that is gone.</summary>
    public void CloseInput()
    {
        try
        {
            Input.Dispose();
        }
        catch (IOException)
        {
            // It is gone already.
        }
    }

    /// <summary>Its resident memory in bytes; 0 when it is gone.</summary>
    public long ResidentBytes()
    {
        try
        {
            var pages = File.ReadAllText($"/proc/{Id}/statm").Split(' ')[1];
            return long.Parse(pages, CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    public void Dispose()
    {
        CloseInput();
        process.Dispose();
    }

    private async Task<int> ExitAsync()
    {
        await process.WaitForExitAsync().ConfigureAwait(false);
        return process.ExitCode;
    }
}
