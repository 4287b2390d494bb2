namespace Custodian.Node.Api.Rates;

/// <summary>How often something may happen.</summary>
/// <param name="PerSecond">In the long run. 0 sets no limit.</param>
/// <param name="Burst">How many at once, after a pause. At least 1.</param>
internal readonly record struct Rate(int PerSecond, int Burst)
{
    /// <summary>No limit.</summary>
    internal static Rate None => default;
}
