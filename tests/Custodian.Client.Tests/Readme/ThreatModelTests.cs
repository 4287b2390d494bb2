using System.Reflection;
using System.Text.RegularExpressions;

namespace Custodian.Client.Tests.Readme;

/// <summary>
/// A claim of threat-model.md rests on a test that it cites. What no test shows says so, in a word that a reader finds and these tests
/// look for.
/// </summary>
public sealed partial class ThreatModelTests
{
    /// <summary>The section that says what words mean, and nothing of what is stopped.</summary>
    private const string Definitions = "Actors and trust boundaries";

    private static readonly string s_root =
        typeof(ThreatModelTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;

    private static readonly Passage[] s_page = [.. Passage.Of(File.ReadAllLines(Path.Combine(s_root, "threat-model.md")))];

    [Fact]
    public void Citations_AllOfThem_AreOfTests()
    {
        TestsInSource tests = new([.. Directory
            .EnumerateFiles(Path.Combine(s_root, "tests"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal))
            .Select(File.ReadAllText)]);
        string[] cited = [.. s_page.SelectMany(p => p.Citations).Distinct()];

        Assert.True(cited.Length > 200, $"only {cited.Length} citations");
        Assert.Empty(cited.Select(tests.Fault).OfType<string>());
    }

    [Fact]
    public void Passages_ThatClaim_CiteATestOrSayThatNoneShowsIt()
    {
        Assert.True(s_page.Count(p => p.IsRow) > 100, "the tables were not found");
        Assert.StartsWith("Definitions", s_page.First(p => p.Section == Definitions).Text, StringComparison.Ordinal);
        Assert.Empty(s_page.Where(p => p.Section != Definitions && !p.IsLeadIn && !p.IsBorneOut).Select(p => $"{p.Section}: {p.Text}"));
    }

    [Fact]
    public void ResidualRisks_ThatPassagesName_AreListed()
    {
        string[] listed = [.. s_page.Where(p => p.Section == "Residual risks").Select(p => p.Text.Split('.')[0])];

        Assert.Equal(Enumerable.Range(1, listed.Length).Select(i => $"{i}"), listed);
        Assert.Subset(listed.ToHashSet(), s_page.SelectMany(p => p.Risks).ToHashSet());
    }

    [Theory]
    [InlineData("A_Fact_Passes", null)]
    [InlineData("SomeTests.A_Fact_Passes", null)]
    [InlineData("A_Theory_Passes", null)]
    [InlineData("A_DerivedFact_Passes", null)]
    [InlineData("SomeTests", null)]
    [InlineData("A_Helper_Passes", "no test is called A_Helper_Passes")]
    [InlineData("A_SkippedFact_Passes", "no test is called A_SkippedFact_Passes")]
    [InlineData("A_FactOfAHiddenClass_Passes", "no test is called A_FactOfAHiddenClass_Passes")]
    [InlineData("OtherTests.A_Fact_Passes", "no test is called OtherTests.A_Fact_Passes")]
    [InlineData("EmptyTests", "no test is called EmptyTests")]
    [InlineData("A_Twin_Passes", "2 tests are called A_Twin_Passes: name its class too")]
    public void Fault_OfACitation_IsNoneForATestOnly(string citation, string? expected)
    {
        const string derived = "internal sealed class OddAttribute : FactAttribute\n{\n}\n";
        const string some = "public sealed class SomeTests\n{\n    [Fact]\n    public void A_Fact_Passes()\n\n    public void A_Helper_Passes()\n\n"
            + "    [Theory]\n    [InlineData(1)]\n    public async Task A_Theory_Passes(int i)\n\n    [Trait(\"Effort\", \"Long\")]\n    [Odd(\"x\")]\n"
            + "    public void A_DerivedFact_Passes()\n\n    [Fact(Skip = \"later\")]\n    public void A_SkippedFact_Passes()\n\n"
            + "    [Fact]\n    public void A_Twin_Passes()\n";
        const string other = "public sealed class OtherTests\n{\n    [Fact]\n    public void A_Twin_Passes()\n";
        const string empty = "public sealed class EmptyTests\n{\n    public void Nothing()\n";
        const string hidden = "internal sealed class HiddenTests\n{\n    [Fact]\n    public void A_FactOfAHiddenClass_Passes()\n";

        Assert.Equal(expected, new TestsInSource([derived, some, other, empty, hidden]).Fault(citation));
    }

    [Theory]
    [InlineData("| a | b | `A_Test_Passes` |", true)]
    [InlineData("| a | b | believed |", true)]
    [InlineData("| a | b | residual risk 3 |", true)]
    [InlineData("| a | b | |", false)]
    [InlineData("| a | `custodian verify` | `CKA_ID` |", false)]
    public void Passage_OfARow_IsBorneOutByACitationOrTheWord(string row, bool expected) => Assert.Equal(
        expected, Assert.Single(Passage.Of(["# Page", "Before.", "", "## Section", "", "What follows:", "", "| x | y | z |", "|---|---|---|", row]), p => !p.IsLeadIn).IsBorneOut);

    /// <summary>A row of a table, a paragraph, or an item of a list; what stands before the first section is about the page itself.</summary>
    private sealed partial record Passage(string Section, string Text)
    {
        internal bool IsRow => Text.StartsWith('|');

        /// <summary>Whether it claims nothing but what follows it.</summary>
        internal bool IsLeadIn => Text.EndsWith(':');

        internal IEnumerable<string> Citations => CitedTest().Matches(Text).Select(m => m.Groups[1].Value);

        internal IEnumerable<string> Risks => NamedRisk().Matches(Text).Select(m => m.Groups[1].Value);

        internal bool IsBorneOut => Citations.Any() || Risks.Any() || Believed().IsMatch(Text);

        internal static List<Passage> Of(IEnumerable<string> lines)
        {
            List<Passage> passages = [];
            (string? section, bool isFenced, bool isOpen) = (null, false, false);
            foreach (string line in lines)
            {
                isFenced ^= line.StartsWith("```", StringComparison.Ordinal);
                if (line.StartsWith("##", StringComparison.Ordinal))
                {
                    section = line.TrimStart('#', ' ');
                }

                if (line.StartsWith("|---", StringComparison.Ordinal))
                {
                    passages.RemoveAt(passages.Count - 1);
                }
                else if (isFenced || section is null || line.Length == 0 || line[0] == '#' || line == "```")
                {
                    isOpen = false;
                }
                else if (isOpen && line[0] != '|' && !Item().IsMatch(line))
                {
                    passages[^1] = passages[^1] with { Text = $"{passages[^1].Text} {line.Trim()}" };
                }
                else
                {
                    passages.Add(new Passage(section, line));
                    isOpen = true;
                }
            }

            return passages;
        }

        /// <summary>In backticks: Operation_Condition_Outcome, with its class or not, or a class of tests.</summary>
        [GeneratedRegex(@"`((?:\w+Tests\.)?[A-Z]\w*[a-z]\w*(?:_\w+)+|[A-Z]\w*Tests)`")]
        private static partial Regex CitedTest();

        [GeneratedRegex(@"\bresidual risk (\d+)")]
        private static partial Regex NamedRisk();

        [GeneratedRegex(@"\bbelieved\b", RegexOptions.IgnoreCase)]
        private static partial Regex Believed();

        [GeneratedRegex(@"^(-|\d+\.) ")]
        private static partial Regex Item();
    }
}
