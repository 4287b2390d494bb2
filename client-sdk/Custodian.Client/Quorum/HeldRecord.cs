using System.Collections.Immutable;
using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client;

/// <summary>A record that at least its threshold of its own participants show with the same header (protocol.md section 14).</summary>
internal sealed record HeldRecord(Header Header, ImmutableArray<Sighting> Sightings)
{
    internal bool IsActiveSomewhere => Sightings.Any(s => s.State == Wire.RecordState.Active);

    /// <summary>
    /// The attempts left: the t-th highest count, so that fewer than t liars can neither announce a lockout nor hide one.
    /// </summary>
    internal int AttemptsLeft => Ranking.Highest(Sightings.Select(s => s.AttemptsRemaining), Header.Threshold);

    /// <summary>How many participants would evaluate an attempt now.</summary>
    internal int Free => Sightings.Count(s => s.IsFree);

    /// <summary>Whether those are enough to try a secret at it.</summary>
    internal bool CanBeTried => Free >= Header.Threshold;

    /// <summary>How long until t participants have an attempt free; null when too few of those seen have one left at all.</summary>
    internal TimeSpan? Wait
    {
        get
        {
            TimeSpan[] waits = [.. Sightings.Where(s => s.AttemptsRemaining > 0).Select(s => s.Wait).Order()];
            return waits.Length >= Header.Threshold ? waits[Header.Threshold - 1] : null;
        }
    }

    internal bool IsSameAs(HeldRecord other) => Header.IsSameAs(other.Header);
}

/// <summary>Counting so that a minority of liars does not decide.</summary>
internal static class Ranking
{
    /// <summary>The <paramref name="rank"/>-th highest value, 1 being the highest; 0 when there are fewer values.</summary>
    internal static int Highest(IEnumerable<int> values, int rank) => values.OrderDescending().ElementAtOrDefault(rank - 1);

    /// <summary>The same for generations.</summary>
    internal static ulong Highest(IEnumerable<ulong> values, int rank) => values.OrderDescending().ElementAtOrDefault(rank - 1);
}
