namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>A secret and the key that it must give back.</summary>
internal sealed record Promise(string Secret, byte[] Key);

/// <summary>
/// What one subject was promised. A success leaves one promise. An operation that failed may have happened or not: then there are several,
/// of which at least one must be kept if the subject had been promised anything before.
/// </summary>
internal sealed class Promises(string subject)
{
    private readonly List<Promise> _open = [];

    internal string Subject => subject;

    /// <summary>Whether some operation has succeeded, so that losing the key is a broken promise.</summary>
    internal bool IsPromised { get; private set; }

    /// <summary>What may be in effect, the newest first.</summary>
    internal IReadOnlyList<Promise> Open => _open;

    /// <summary>How many operations this subject has seen.</summary>
    internal int Steps { get; set; }

    /// <summary>About to be asked for: from now on it may be in effect, whatever the answer.</summary>
    internal void Ask(Promise promise) => _open.Insert(0, promise);

    /// <summary>It was promised, or shown to be in effect: nothing older counts any more.</summary>
    internal void Keep(Promise promise)
    {
        _open.Clear();
        _open.Add(promise);
        IsPromised = true;
    }

    /// <summary>It was asked for, and refused before anything was sent that could bring it into effect.</summary>
    internal void Withdraw(Promise promise) => _open.Remove(promise);
}
