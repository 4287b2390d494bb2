using System.Diagnostics;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>A test that needs Debian's Python with gRPC; skipped, with that reason, where it is not installed.</summary>
internal sealed class PythonFactAttribute : FactAttribute
{
    /// <summary>Debian's interpreter: another on the PATH does not see Debian's packages.</summary>
    internal const string Python = "/usr/bin/python3";

    private static readonly bool Present = Requirement.Runs(Python, "-c", "import grpc, cryptography, argon2");

    public PythonFactAttribute()
    {
        if (!Present)
        {
            Skip = "needs python3-grpcio, python3-cryptography and python3-argon2";
        }
    }
}

/// <summary>A test that needs programs on the PATH; skipped, with that reason, where one is missing.</summary>
internal sealed class ProgramFactAttribute : FactAttribute
{
    public ProgramFactAttribute(params string[] programs)
    {
        if (!programs.All(p => Requirement.Runs("/bin/sh", "-c", $"command -v {p}")))
        {
            Skip = $"needs {string.Join(" and ", programs)}";
        }
    }
}

internal static class Requirement
{
    internal static bool Runs(string program, params string[] arguments)
    {
        if (!File.Exists(program))
        {
            return false;
        }

        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
