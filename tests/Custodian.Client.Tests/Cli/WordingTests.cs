using Custodian.Cli.Reporting;

namespace Custodian.Client.Tests.Cli;

public sealed class WordingTests
{
    [Theory]
    [InlineData("Option '--set' is required.", "option '--set' is required")]
    [InlineData("JSON is not valid.", "JSON is not valid")]
    [InlineData("Two\r\n lines.", "two lines")]
    [InlineData("and so on ...", "and so on ...")]
    [InlineData("X", "X")]
    [InlineData("", "")]
    public void Of_Sentence_IsLowerCaseWithoutFullStop(string sentence, string expected) => Assert.Equal(expected, Wording.Of(sentence));

    [Fact]
    public void Printable_ControlCharacters_AreReplaced() =>
        Assert.Equal("a\uFFFD[31mb\nc größer", Wording.Printable("a\u001b[31mb\nc größer"));

    [Theory]
    [InlineData(0, "0 attempts")]
    [InlineData(1, "1 attempt")]
    [InlineData(9, "9 attempts")]
    public void Count_Number_AgreesWithTheThing(int number, string expected) => Assert.Equal(expected, Wording.Count(number, "attempt"));

    [Theory]
    [InlineData(0, "0 s")]
    [InlineData(0.2, "1 s")]
    [InlineData(59.9, "1 min")]
    [InlineData(90, "1 min 30 s")]
    [InlineData(3600, "1 h")]
    [InlineData(5400, "1 h 30 min")]
    [InlineData(86400, "1 day")]
    [InlineData(180000, "2 days 2 h")]
    [InlineData(-5, "0 s")]
    public void Duration_Seconds_RoundsUpToTwoUnits(double seconds, string expected) =>
        Assert.Equal(expected, Wording.Duration(TimeSpan.FromSeconds(seconds)));
}
