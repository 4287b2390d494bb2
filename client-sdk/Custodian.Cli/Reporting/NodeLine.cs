namespace Custodian.Cli.Reporting;

/// <summary>How one node fared.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Condition">Its condition in one word, for scripts.</param>
/// <param name="Explanation">Why, for people.</param>
internal sealed record NodeLine(string Node, string Condition, string Explanation);
