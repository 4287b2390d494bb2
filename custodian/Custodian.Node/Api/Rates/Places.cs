namespace Custodian.Node.Api.Rates;

/// <summary>So many places for each key; nobody waits for one. Remembers only keys that hold a place. Thread-safe.</summary>
/// <param name="each">How many a key may hold; 0 sets no limit.</param>
internal sealed class Places<TKey>(int each)
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, int> _held = [];

    /// <summary>How many keys hold a place now.</summary>
    internal int Keys
    {
        get
        {
            lock (_gate)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>Takes a place, to be given back by <see cref="GiveBack"/>. False when the key holds all of its own.</summary>
    internal bool TryTake(TKey key)
    {
        lock (_gate)
        {
            int held = _held.GetValueOrDefault(key);
            if (each > 0 && held >= each)
            {
                return false;
            }

            _held[key] = held + 1;
            return true;
        }
    }

    internal void GiveBack(TKey key)
    {
        lock (_gate)
        {
            if (--_held[key] == 0)
            {
                _held.Remove(key);
            }
        }
    }
}
