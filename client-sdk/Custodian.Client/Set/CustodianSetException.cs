using System.Collections.Immutable;

namespace Custodian.Client;

/// <summary>A set that cannot be used, with everything that is wrong with it at once.</summary>
public sealed class CustodianSetException : FormatException
{
    /// <summary>Names every mistake.</summary>
    /// <param name="mistakes">At least one.</param>
    public CustodianSetException(IEnumerable<SetMistake> mistakes)
        : this([.. mistakes])
    {
    }

    private CustodianSetException(ImmutableArray<SetMistake> mistakes)
        : base("the set of custodians cannot be used: " + string.Join("; ", mistakes)) => Mistakes = mistakes;

    /// <summary>Every mistake, in the order of the file.</summary>
    public ImmutableArray<SetMistake> Mistakes { get; }
}
