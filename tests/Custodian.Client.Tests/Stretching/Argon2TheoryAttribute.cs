namespace Custodian.Client.Tests.Stretching;

/// <summary>A test that needs Debian's argon2 command; skipped, with that reason, where it is not installed.</summary>
internal sealed class Argon2TheoryAttribute : TheoryAttribute
{
    public Argon2TheoryAttribute()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        if (!folders.Any(folder => File.Exists(Path.Combine(folder, "argon2"))))
        {
            Skip = "needs argon2";
        }
    }
}
