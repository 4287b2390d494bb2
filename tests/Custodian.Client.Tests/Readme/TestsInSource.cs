using System.Text.RegularExpressions;

namespace Custodian.Client.Tests.Readme;

/// <summary>Every test of the repository, read off the source: most are in projects that this one does not know.</summary>
internal sealed partial class TestsInSource
{
    private readonly List<(string Class, string Method)> _tests = [];

    internal TestsInSource(IReadOnlyCollection<string> sources)
    {
        HashSet<string> attributes = Attributes(sources);
        foreach (string source in sources)
        {
            Read(source, attributes);
        }
    }

    /// <summary>What is wrong with a citation of a test, as Method, Class.Method or Class; null when it names one, or a class of some.</summary>
    internal string? Fault(string citation)
    {
        string[] parts = citation.Split('.');
        int found = _tests.Count(t => t.Method == parts[^1] && (parts.Length == 1 || t.Class == parts[0]));
        return found switch
        {
            1 => null,
            > 1 => $"{found} tests are called {citation}: name its class too",
            _ when _tests.Any(t => t.Class == citation) => null,
            _ => $"no test is called {citation}",
        };
    }

    /// <summary>Fact, Theory, and what derives from them.</summary>
    private static HashSet<string> Attributes(IEnumerable<string> sources)
    {
        Match[] derived = [.. sources.SelectMany(s => DerivedAttribute().Matches(s))];
        HashSet<string> known = ["Fact", "Theory"];
        while (derived.FirstOrDefault(d => known.Contains(d.Groups[2].Value) && !known.Contains(d.Groups[1].Value)) is { } next)
        {
            known.Add(next.Groups[1].Value);
        }

        return known;
    }

    private void Read(string source, HashSet<string> attributes)
    {
        (string? name, bool isTest) = (null, false);
        foreach (string line in source.Split('\n'))
        {
            if (Class().Match(line) is { Success: true } declared)
            {
                name = declared.Groups[1].Value;
            }
            else if (Attribute().Match(line) is { Success: true } attribute)
            {
                isTest |= attributes.Contains(attribute.Groups[1].Value) && !line.Contains("Skip =", StringComparison.Ordinal);
            }
            else if (Method().Match(line) is { Success: true } method)
            {
                if (isTest && name is not null)
                {
                    _tests.Add((name, method.Groups[1].Value));
                }

                isTest = false;
            }
        }
    }

    [GeneratedRegex(@"\bclass (\w+)Attribute\b[^{]*?: (\w+)Attribute\b")]
    private static partial Regex DerivedAttribute();

    /// <summary>One that xunit looks into: at the outermost level, and public.</summary>
    [GeneratedRegex(@"^public (?:(?:sealed|abstract|partial) )*class (\w+)")]
    private static partial Regex Class();

    [GeneratedRegex(@"^\s+\[(?:\w+\(""\w+"", ""\w+""\), )?(\w+)[\](,]")]
    private static partial Regex Attribute();

    [GeneratedRegex(@"^\s+(?:(?:public|internal|async|virtual|override|unsafe) )+(?:void|Task) (\w+)\(")]
    private static partial Regex Method();
}
