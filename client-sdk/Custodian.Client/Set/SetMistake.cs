namespace Custodian.Client;

/// <summary>One thing that is wrong with a set.</summary>
/// <param name="Field">Where, such as <c>nodes[2].address</c>; empty for the whole.</param>
/// <param name="Problem">What it should be, or what is wrong with it.</param>
public sealed record SetMistake(string Field, string Problem)
{
    /// <summary>Both in one line.</summary>
    public override string ToString() => Field.Length == 0 ? Problem : $"{Field}: {Problem}";
}
