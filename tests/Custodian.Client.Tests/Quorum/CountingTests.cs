using Custodian.Protocol;

namespace Custodian.Client.Tests;

public sealed class CountingTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 2, 3)]
    [InlineData(4, 3, 4)]
    [InlineData(5, 3, 4)]
    [InlineData(5, 4, 5)]
    [InlineData(16, 9, 13)]
    public void ToRetire_TwoGroups_ShareThresholdNodes(int nodes, int threshold, int expected)
    {
        int needed = Majority.ToRetire(nodes, threshold);

        Assert.Equal(expected, needed);
        Assert.True((2 * needed) - nodes >= threshold);
    }

    [Theory]
    [InlineData(5, 3, false, 5)]
    [InlineData(5, 3, true, 4)]
    [InlineData(3, 3, true, 3)]
    public void ToActivate_Partial_IsOneMoreThanTheThreshold(int nodes, int threshold, bool partial, int expected) =>
        Assert.Equal(expected, Majority.ToActivate(nodes, threshold, partial));

    [Theory]
    [InlineData(new int[0], 1, 0)]
    [InlineData(new[] { 5 }, 1, 5)]
    [InlineData(new[] { 5 }, 2, 0)]
    [InlineData(new[] { 1, 9, 5, 7 }, 3, 5)]
    public void Highest_Rank_CountsFromTheTop(int[] values, int rank, int expected) => Assert.Equal(expected, Ranking.Highest(values, rank));

    public static TheoryData<ulong[], ulong, int[]> Claims => new()
    {
        { [], 1, [] },
        { [0, 0, 0, 0, 0], 1, [] },
        { [3, 3, 3, 3, 3], 4, [] },
        { [0, 0, 3, 3, 3], 4, [] },
        { [0, 0, 0, 0, 7], 8, [] },
        { [1, 1, 1, 1, 1 + (1UL << 32)], 2 + (1UL << 32), [] },
        { [1, 1, 1, 1, 2 + (1UL << 32)], 2, [5] },
        { [1, 1, 1, ulong.MaxValue, ulong.MaxValue], 2, [4, 5] },
        { [9, 9, 9, 9, 1UL << 62], 10, [5] },
    };

    [Theory]
    [MemberData(nameof(Claims))]
    public void Generation_Claims_GoOneAboveTheHighestBelievable(ulong[] claims, ulong next, int[] faulty)
    {
        GenerationChoice choice = GenerationChoice.Choose([.. claims.Select((c, i) => (RecordsOnPaper.Node(i + 1), c))], threshold: 3);

        Assert.Equal(next, choice.Next);
        Assert.Equal(faulty.Select(RecordsOnPaper.Node), choice.Faulty);
    }

    [Fact]
    public void Foreign_OwnAttempts_AreNotCounted()
    {
        RecordsOnPaper record = RecordsOnPaper.Create(1);
        AttemptLedger ledger = new();
        ledger.Add(record.Header.RecordId, RecordsOnPaper.Node(1));
        ledger.Add(record.Header.RecordId, RecordsOnPaper.Node(1));

        Assert.Equal(1, Foreign(ledger, record, RecordsOnPaper.Node(1), remaining: 7));
        Assert.Equal(3, Foreign(ledger, record, RecordsOnPaper.Node(2), remaining: 7));
        Assert.Equal(0, Foreign(ledger, record, RecordsOnPaper.Node(1), remaining: 9));
        ledger.Keep(record.Header.RecordId, RecordsOnPaper.Node(1));
        ledger.Clear(record.Header.RecordId, RecordsOnPaper.Node(1), ended: 1);
        Assert.Equal(2, Foreign(ledger, record, RecordsOnPaper.Node(1), remaining: 7));
        ledger.Keep(record.Header.RecordId, RecordsOnPaper.Node(1));
        ledger.Clear(record.Header.RecordId, RecordsOnPaper.Node(1), ended: 1);
        Assert.Equal(3, Foreign(ledger, record, RecordsOnPaper.Node(1), remaining: 7));
    }

    [Theory]
    [InlineData(RefusalReason.Overloaded, false, 0)]
    [InlineData(RefusalReason.Overloaded, true, 1)]
    [InlineData(RefusalReason.HsmUnavailable, true, 1)]
    [InlineData(RefusalReason.StorageUnavailable, false, 1)]
    [InlineData(RefusalReason.Delayed, true, 0)]
    [InlineData(RefusalReason.AttemptsExhausted, true, 0)]
    public void Foreign_OwnAttemptEndsInARefusal_IsCountedUnlessItWasSurelyNotCharged(RefusalReason reason, bool mayHaveActed, int own)
    {
        RecordsOnPaper record = RecordsOnPaper.Create(1);
        AttemptLedger ledger = new();
        ledger.Add(record.Header.RecordId, RecordsOnPaper.Node(1));
        NodeOutcome refused = NodeOutcome.Refused(new NodeRefusal(reason, null, null, null, null));

        ledger.Settle(record.Header.RecordId, RecordsOnPaper.Node(1), refused, mayHaveActed);

        Assert.Equal(1 - own, Foreign(ledger, record, RecordsOnPaper.Node(1), record.Header.MaxAttempts - 1));
    }

    [Fact]
    public void Watch_OwnAttemptsEndMeanwhile_TheNodeMayHaveCountedThem()
    {
        RecordsOnPaper record = RecordsOnPaper.Create(1);
        (RecordId id, NodeId node) = (record.Header.RecordId, RecordsOnPaper.Node(1));
        NodeOutcome refused = NodeOutcome.Refused(new NodeRefusal(RefusalReason.HsmUnavailable, null, null, null, null));
        AttemptLedger ledger = new();
        ledger.Add(id, node);
        ledger.Keep(id, node);
        AttemptLedger.Reading other = ledger.Watch(RecordsOnPaper.Node(2));
        AttemptLedger.Reading early = ledger.Watch(node);
        ledger.Clear(id, node, ended: 1);
        AttemptLedger.Reading late = ledger.Watch(node);
        ledger.Add(id, node);
        ledger.Settle(id, node, refused, mayHaveActed: false);

        Assert.Equal(1, early.Most(id));
        Assert.Equal(1, late.Most(id));
        Assert.Equal(0, other.Most(id));
        early.Dispose();
        late.Dispose();
        using AttemptLedger.Reading after = ledger.Watch(node);
        Assert.Equal(0, after.Most(id));
    }

    [Fact]
    public void Clear_AnotherEndedAfterTheConfirmWasSent_StaysCounted()
    {
        RecordsOnPaper record = RecordsOnPaper.Create(1);
        (RecordId id, NodeId node) = (record.Header.RecordId, RecordsOnPaper.Node(1));
        AttemptLedger ledger = new();
        ledger.Add(id, node);
        ledger.Keep(id, node);
        int ended = ledger.Ended(id, node);
        ledger.Add(id, node);
        ledger.Keep(id, node);

        ledger.Clear(id, node, ended);

        Assert.Equal(0, Foreign(ledger, record, node, record.Header.MaxAttempts - 1));
        Assert.Equal(1, Foreign(ledger, record, node, record.Header.MaxAttempts - 2));
    }

    private static int Foreign(AttemptLedger ledger, RecordsOnPaper record, NodeId node, int remaining)
    {
        using AttemptLedger.Reading reading = ledger.Watch(node);
        return AttemptLedger.Foreign(record.Header, remaining, reading.Most(record.Header.RecordId));
    }

    [Theory]
    [InlineData(5, 3, "")]
    [InlineData(5, 3, "2")]
    [InlineData(5, 3, "1 2")]
    [InlineData(1, 1, "")]
    [InlineData(9, 5, "1 3 5 7")]
    [InlineData(16, 9, "1 2 3 4 5 6 7")]
    public void SubsetSearch_SomeSharesWrong_FindsTheKeyAndTellsWhichFit(int nodes, int threshold, string wrong)
    {
        HashSet<int> liars = [.. wrong.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        byte[] secret = RepeatableBytes.Of("secret", 32);
        byte[] indexes = [.. Enumerable.Range(1, nodes).Select(i => (byte)i)];
        byte[] shares = new byte[nodes * 32];
        Shamir.Split(secret, threshold, indexes, shares);
        foreach (int liar in liars)
        {
            // As a false evaluation does: the mask is a hash, so every byte is wrong, and no liar chooses how.
            RepeatableBytes.Of($"mask {liar}", 32).CopyTo(shares, (liar - 1) * 32);
        }

        using SubsetSearch search = new(threshold, candidate => candidate.SequenceEqual(secret));
        int[] completing = [.. Enumerable.Range(1, nodes).Where(i => search.Add((byte)i, shares.AsSpan((i - 1) * 32, 32)))];

        Assert.Equal(Enumerable.Range(1, nodes).Where(i => !liars.Contains(i)).ElementAt(threshold - 1), Assert.Single(completing));
        Assert.Equal(
            liars.Order(), Enumerable.Range(1, nodes).Where(i => !search.Agrees((byte)i, shares.AsSpan((i - 1) * 32, 32))));
    }

    [Fact]
    public void SubsetSearch_NothingFits_TriesEachSubsetOnce()
    {
        int tried = 0;
        using SubsetSearch search = new(3, _ => tried++ < 0);

        for (byte i = 1; i <= 6; i++)
        {
            Assert.False(search.Add(i, new byte[32]));
        }

        Assert.Equal(20, tried);
        Assert.Throws<InvalidOperationException>(() => search.Agrees(1, new byte[32]));
    }
}
