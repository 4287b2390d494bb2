using System.Reflection;

namespace Custodian.Client.Tests.Readme;

/// <summary>What the README shows is what compiles.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public void TwentyLines_InTheReadme_AreTheCompiledOnes()
    {
        string root = typeof(ReadmeTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;
        string[] source = File.ReadAllLines(Path.Combine(root, "tests/Custodian.Client.Tests/Readme/TwentyLines.cs"));
        int begin = Array.FindIndex(source, l => l.Trim() == "// readme: begin") + 1;
        int end = Array.FindIndex(source, l => l.Trim() == "// readme: end");
        string snippet = string.Join('\n', source[begin..end].Select(l => l.Length > 8 ? l[8..] : "")).Trim();

        Assert.Contains($"```csharp\n{snippet}\n```", File.ReadAllText(Path.Combine(root, "README.md")), StringComparison.Ordinal);
    }
}
