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

/// <summary>A test with npm's oidc-provider; skipped, with that reason, where there is no Node.js or npm reaches no registry that has it.</summary>
internal sealed class OidcProviderFactAttribute : FactAttribute
{
    private static readonly string? Missing =
        !Requirement.Runs("/bin/sh", "-c", "command -v node && command -v npm") ? "needs node and npm"
        : !IsPublished() ? $"needs a registry where npm finds {OidcProvider.Package}"
        : null;

    public OidcProviderFactAttribute() => Skip = Missing;

    // A registry that cannot be reached takes npm minutes of its retries to give up.
    private static bool IsPublished() => Requirement.RunsWithin(
        TimeSpan.FromSeconds(20), "/bin/sh", "-c", $"exec npm view {OidcProvider.Package} version --fetch-retries=0 --fetch-timeout=15000");
}

internal static class Requirement
{
    internal static bool Runs(string program, params string[] arguments) => RunsWithin(TimeSpan.FromMinutes(1), program, arguments);

    /// <summary>Whether a program is there and succeeds in time; it is ended when its time is over.</summary>
    internal static bool RunsWithin(TimeSpan patience, string program, params string[] arguments)
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
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (process.WaitForExit(patience))
        {
            return process.ExitCode == 0;
        }

        process.Kill(entireProcessTree: true);
        return false;
    }
}
