using System.Globalization;

namespace Custodian.Testing;

/// <summary>
/// How hard this run tries: <c>tests/run.sh</c> holds a seeded part of every search, <c>tests/long.sh</c> the whole
/// (<c>TESTS_EFFORT=whole</c>). A test that only the whole has carries <c>[Trait("Effort", "Long")]</c>.
/// </summary>
internal static class Effort
{
    private const string Whole = "whole";

    /// <summary>Whether this is the whole.</summary>
    internal static bool IsWhole { get; } = Environment.GetEnvironmentVariable("TESTS_EFFORT") == Whole;

    /// <summary>
    /// What every one of its <see cref="Draws"/> follows from: <c>TESTS_SEED</c>, which the scripts set and print. 1 without it.
    /// </summary>
    internal static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("TESTS_SEED"), CultureInfo.InvariantCulture, out int seed) ? seed : 1;

    /// <summary>A count for each of the two.</summary>
    internal static int Times(int part, int whole) => IsWhole ? whole : part;

    /// <summary>Cases that try much the same: the whole has all, a part the one that its seed draws.</summary>
    internal static IEnumerable<T> Some<T>(params T[] cases) => IsWhole ? cases : [new Draws(string.Join(',', cases)).Pick(cases)];
}
