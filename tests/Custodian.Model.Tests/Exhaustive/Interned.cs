namespace Custodian.Model.Tests.Exhaustive;

/// <summary>How large the numbers get.</summary>
internal static class Interned
{
    /// <summary>What a number takes in a state.</summary>
    internal const int Bits = 16;

    internal static void RequireRoom(int number) =>
        Assert.True(number < (1 << Bits) - 1, "more of a kind than a state has room for");
}

/// <summary>Numbers for what is equal by its key, in the order it is first seen.</summary>
internal sealed class Interned<T>(Func<T, string> key)
{
    private readonly Dictionary<string, int> _numbers = [];
    private readonly List<T> _values = [];

    internal T this[int number] => _values[number];

    internal int Number(T value)
    {
        string name = key(value);
        if (!_numbers.TryGetValue(name, out int number))
        {
            _numbers[name] = number = _values.Count;
            Interned.RequireRoom(number);
            _values.Add(value);
        }

        return number;
    }
}

/// <summary>The first number of those that look the same.</summary>
internal sealed class Likeness(Func<int, string> look)
{
    private readonly Dictionary<int, int> _known = [];
    private readonly Dictionary<string, int> _first = [];

    internal int FirstLike(int number)
    {
        if (!_known.TryGetValue(number, out int first))
        {
            string seen = look(number);
            if (!_first.TryGetValue(seen, out first))
            {
                _first[seen] = first = number;
            }

            _known[number] = first;
        }

        return first;
    }
}
