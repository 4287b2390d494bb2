namespace Custodian.Node.Api.Rates;

/// <summary>
/// A line of its own for each key: so many of it are let through at once, and so many in all may be here, waiting included. Remembers only
/// keys that somebody is here for. Thread-safe.
/// </summary>
/// <param name="through">How many of a key are let through at once; 0 sets no limit.</param>
/// <param name="here">How many of a key may be here at once; 0 sets no limit.</param>
internal sealed class AccountLines<TKey>(int through, int here)
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Line> _lines = [];

    /// <summary>How many keys somebody is here for.</summary>
    internal int Keys
    {
        get
        {
            lock (_gate)
            {
                return _lines.Count;
            }
        }
    }

    /// <summary>Waits for the key's turn, in the order of coming; whoever gets it calls <see cref="Leave"/> in the end.</summary>
    /// <returns>False, at once, when as many of the key are here as may be.</returns>
    /// <exception cref="OperationCanceledException">Cancelled while waiting.</exception>
    internal async ValueTask<bool> EnterAsync(TKey key, CancellationToken waiting)
    {
        if (Join(key) is not { } line)
        {
            return false;
        }

        try
        {
            // A free turn is taken however short the wait may be.
            if (!await line.Turns.WaitAsync(TimeSpan.Zero, CancellationToken.None))
            {
                await line.Turns.WaitAsync(waiting);
            }

            return true;
        }
        catch
        {
            Part(key, line);
            throw;
        }
    }

    /// <summary>Lets the next of the key through.</summary>
    internal void Leave(TKey key)
    {
        Line line;
        lock (_gate)
        {
            line = _lines[key];
        }

        line.Turns.Release();
        Part(key, line);
    }

    private Line? Join(TKey key)
    {
        lock (_gate)
        {
            if (!_lines.TryGetValue(key, out Line? line))
            {
                _lines[key] = line = new Line(new SemaphoreSlim(through > 0 ? through : int.MaxValue));
            }

            if (here > 0 && line.Here >= here)
            {
                return null;
            }

            line.Here++;
            return line;
        }
    }

    private void Part(TKey key, Line line)
    {
        lock (_gate)
        {
            if (--line.Here == 0)
            {
                _lines.Remove(key);
                line.Turns.Dispose();
            }
        }
    }

    private sealed class Line(SemaphoreSlim turns)
    {
        internal SemaphoreSlim Turns => turns;

        internal int Here { get; set; }
    }
}
