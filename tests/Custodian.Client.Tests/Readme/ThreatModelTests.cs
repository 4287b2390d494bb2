using System.Reflection;
using System.Text.RegularExpressions;

namespace Custodian.Client.Tests.Readme;

/// <summary>A claim of threat-model.md rests on the test it cites, so the test must be there.</summary>
public sealed partial class ThreatModelTests
{
    private static readonly string s_root =
        typeof(ThreatModelTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;

    [Fact]
    public void Claims_CiteTests_ThatExist()
    {
        string tests = string.Concat(Directory
            .EnumerateFiles(Path.Combine(s_root, "tests"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal))
            .Select(File.ReadAllText));
        string[] cited = [.. CitedTest().Matches(File.ReadAllText(Path.Combine(s_root, "threat-model.md"))).Select(m => m.Groups[1].Value).Distinct()];

        Assert.NotEmpty(cited);
        Assert.All(cited, name => Assert.True(Regex.IsMatch(tests, $@"\b(public (async )?(void|Task) {name}\(|class {name}\b)"), $"no test is called {name}"));
    }

    /// <summary>In backticks: Operation_Condition_Outcome, or a class of tests.</summary>
    [GeneratedRegex(@"`([A-Z]\w*(?:_\w+)+|[A-Z]\w*Tests)`")]
    private static partial Regex CitedTest();
}
