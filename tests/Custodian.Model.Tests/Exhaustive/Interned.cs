namespace Custodian.Model.Tests.Exhaustive;

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
            _values.Add(value);
        }

        return number;
    }
}
