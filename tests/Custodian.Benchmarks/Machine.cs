using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Custodian.Benchmarks;

/// <summary>What the figures were measured on and with.</summary>
internal static class Machine
{
    internal static JsonObject ToJson() => new()
    {
        ["processor"] = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[^1],
        ["processors"] = Environment.ProcessorCount,
        ["memory_mb"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20,
        ["system"] = RuntimeInformation.OSDescription,
        ["kernel"] = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
    };

    /// <summary>The runtime, and Debian's packages of those names that are installed.</summary>
    internal static JsonObject Versions(params string[] packages)
    {
        JsonObject versions = new() { ["dotnet"] = Environment.Version.ToString() };
        foreach (string package in packages)
        {
            if (Say("dpkg-query", "-W", "-f", "${Version}", package) is { Length: > 0 } version)
            {
                versions[package] = version;
            }
        }

        return versions;
    }

    /// <summary>What a program prints; null when there is none of that name, or it fails.</summary>
    internal static string? Say(string program, params string[] arguments) => Answer(program, "", arguments);

    /// <summary>The same, with an input; and what it prints as an error behind the rest, where some programs put their answer.</summary>
    internal static string? Answer(string program, string input, params string[] arguments) =>
        Run(program, input, arguments) is var (output, errors) ? output + errors : null;

    /// <summary>What it prints as output, and nothing else.</summary>
    internal static string? Output(string program, string input, params string[] arguments) => Run(program, input, arguments)?.Output;

    private static (string Output, string Errors)? Run(string program, string input, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            process.StandardInput.Write(input);
            process.StandardInput.Close();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? (output, errors.GetAwaiter().GetResult()) : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
