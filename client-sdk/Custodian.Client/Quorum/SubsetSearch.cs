using System.Security.Cryptography;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Tells whether a candidate is the recovery key.</summary>
internal delegate bool RecoveryKeyTest(ReadOnlySpan<byte> candidate);

/// <summary>
/// Looks for t shares that fit together, as they arrive (protocol.md section 14): each new share is tried with every choice of t-1 earlier
/// ones, so no subset is tried twice. Shares stay pinned, and are zeroed on dispose. Not thread-safe.
/// </summary>
internal sealed class SubsetSearch(int threshold, RecoveryKeyTest test) : IDisposable
{
    private readonly byte[] _indexes = new byte[Limits.MaxParticipants];
    private readonly byte[] _shares = Pinned.Bytes(Limits.MaxParticipants * Limits.ShareSize);
    private readonly byte[] _fitIndexes = new byte[threshold];
    private readonly byte[] _fitShares = Pinned.Bytes(threshold * Limits.ShareSize);

    /// <summary>How many shares have come.</summary>
    internal int Count { get; private set; }

    /// <summary>Whether a subset has passed the test.</summary>
    internal bool Found { get; private set; }

    /// <summary>
    /// Takes a share, and tries it unless a fit was found before. True when it completes the first subset that passes the test.
    /// </summary>
    internal bool Add(byte index, ReadOnlySpan<byte> share)
    {
        _indexes[Count] = index;
        share.CopyTo(_shares.AsSpan(Count * Limits.ShareSize, Limits.ShareSize));
        Count++;
        if (Found || Count < threshold)
        {
            return false;
        }

        Found = TrySubsets(taken: 0, from: 0);
        return Found;
    }

    /// <summary>Whether a share lies on the polynomial that was found; if not, its node answered falsely. Fixed time.</summary>
    /// <exception cref="InvalidOperationException">None was found.</exception>
    internal bool Agrees(byte index, ReadOnlySpan<byte> share)
    {
        if (!Found)
        {
            throw new InvalidOperationException("no subset has fitted");
        }

        Span<byte> expected = stackalloc byte[Limits.ShareSize];
        Shamir.Extrapolate(_fitIndexes, _fitShares, index, expected);
        bool agrees = CryptographicOperations.FixedTimeEquals(expected, share);
        CryptographicOperations.ZeroMemory(expected);
        return agrees;
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_shares);
        CryptographicOperations.ZeroMemory(_fitShares);
    }

    /// <summary>Chooses t-1 of the earlier shares, the newest one being the last of every subset.</summary>
    private bool TrySubsets(int taken, int from)
    {
        if (taken == threshold - 1)
        {
            Take(taken, Count - 1);
            return Fits();
        }

        for (int i = from; i < Count - 1; i++)
        {
            Take(taken, i);
            if (TrySubsets(taken + 1, i + 1))
            {
                return true;
            }
        }

        return false;
    }

    private void Take(int place, int share)
    {
        _fitIndexes[place] = _indexes[share];
        _shares.AsSpan(share * Limits.ShareSize, Limits.ShareSize).CopyTo(_fitShares.AsSpan(place * Limits.ShareSize));
    }

    private bool Fits()
    {
        Span<byte> candidate = stackalloc byte[Limits.ShareSize];
        Shamir.Combine(_fitIndexes, _fitShares, candidate);
        bool fits = test(candidate);
        CryptographicOperations.ZeroMemory(candidate);
        return fits;
    }
}
