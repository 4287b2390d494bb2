using System.Collections.Immutable;
using Custodian.Protocol;
using static Custodian.Protocol.Wire.RecordState;

namespace Custodian.Client.Tests;

/// <summary>protocol.md section 14, "Choosing the record", as a table.</summary>
public sealed class RecordChoiceTests
{
    private readonly RecordsOnPaper _first = RecordsOnPaper.Create(1);
    private readonly RecordsOnPaper _second = RecordsOnPaper.Create(2);
    private readonly RecordsOnPaper _third = RecordsOnPaper.Create(3);

    [Fact]
    public void Choose_NobodyShowsAnything_ChoosesNothing() => AssertChoice(null, []);

    [Fact]
    public void Choose_FewerThanThresholdShowIt_ChoosesNothing() =>
        AssertChoice(null, [], _first.At(1, Active), _first.At(2, Active));

    [Fact]
    public void Choose_ThresholdShowIt_ChoosesIt() =>
        AssertChoice(_first, [], _first.At(1, Active), _first.At(2, Active), _first.At(4, Active));

    [Fact]
    public void Choose_PendingEverywhere_ChoosesIt() => AssertChoice(_first, [], Everywhere(_first, Pending));

    [Fact]
    public void Choose_NewerPendingEverywhereAndOlderActive_ChoosesTheOlderFirst() =>
        AssertChoice(_first, [_second], [.. Everywhere(_first, Active), .. Everywhere(_second, Pending, _first)]);

    [Fact]
    public void Choose_NewerActiveSomewhere_ChoosesTheNewer() => AssertChoice(
        _second,
        [_first],
        [
            _first.At(1, Superseded), _second.At(1, Active, _first),
            _first.At(2, Active), _second.At(2, Pending, _first),
            _first.At(3, Active), _second.At(3, Pending, _first),
        ]);

    [Fact]
    public void Choose_NewerActiveAndNotSignedByTheOlder_ChoosesTheOlder() =>
        AssertChoice(_first, [_second], [.. Everywhere(_first, Superseded), .. Everywhere(_second, Active)]);

    [Fact]
    public void Choose_NewerActiveAndSignedByAStranger_ChoosesTheOlder() =>
        AssertChoice(_first, [_second], [.. Everywhere(_first, Superseded), .. Everywhere(_second, Active, _third)]);

    [Fact]
    public void Choose_OneSignatureVerifies_IsEnough() => AssertChoice(
        _second, [_first], [.. Everywhere(_first, Superseded), _second.At(1, Active), _second.At(2, Active), _second.At(3, Active, _first)]);

    [Fact]
    public void Choose_NewerUnsignedAndOlderNotHeld_ChoosesTheNewer() =>
        AssertChoice(_second, [], [_first.At(1, Active), _first.At(2, Active), .. Everywhere(_second, Active)]);

    [Fact]
    public void Choose_ChainOfThree_FollowsIt() => AssertChoice(
        _third,
        [_second, _first],
        [.. Everywhere(_first, Superseded), .. Everywhere(_second, Superseded, _first), .. Everywhere(_third, Active, _second)]);

    [Fact]
    public void Choose_ChainWithAGap_StopsBeforeIt() => AssertChoice(
        _second,
        [_third, _first],
        [.. Everywhere(_first, Superseded), .. Everywhere(_second, Superseded, _first), .. Everywhere(_third, Active)],
        alsoActive: _second);

    [Fact]
    public void Choose_OneLiarCallsTheOldRecordActive_ChoosesTheNewer() => AssertChoice(
        _second, [_first], [.. Everywhere(_first, Superseded)[..4], _first.At(5, Active), .. Everywhere(_second, Active, _first)]);

    [Fact]
    public void Contradicting_AnotherHeaderUnderAHeldRecord_NamesTheNode()
    {
        Header other = SameIdOtherSalt(_first.Header);
        ImmutableArray<NodeView> views = RecordsOnPaper.Views(
            5, _first.At(1, Active), _first.At(2, Active), _first.At(3, Active), _first.At(4, Active) with { Header = other });

        Assert.Equal(new[] { RecordsOnPaper.Node(4) }, RecordChoice.Contradicting(views).ToArray());
    }

    [Fact]
    public void Contradicting_TwoHeadersAreHeldUnderOneRecord_NamesNobody()
    {
        Header other = SameIdOtherSalt(_first.Header);
        Sighting[] mine = [.. Everywhere(_first, Active)];
        ImmutableArray<NodeView> views = RecordsOnPaper.Views(6, [.. mine[..3], .. mine[3..].Select(s => s with { Header = other }), Sixth(other)]);

        Assert.Equal(2, RecordChoice.Held(views).Length);
        Assert.Empty(RecordChoice.Contradicting(views));
    }

    /// <summary>Two liars sign each record by the one before and the one before that, so that the ways through it grow as Fibonacci's numbers.</summary>
    [Fact(Timeout = 120_000)]
    public async Task Choose_RecordsTiedTogetherInManyWays_TakesNoLongerForIt()
    {
        RecordsOnPaper[] chain = [.. Enumerable.Range(1, 32).Select(g => RecordsOnPaper.Create((ulong)g + 1, nodes: 2, threshold: 2))];
        RecordsOnPaper stranger = RecordsOnPaper.Create(1, nodes: 2, threshold: 2);
        Sighting[] shown =
        [
            .. chain.Prepend(stranger).SelectMany((r, i) => new[]
            {
                r.At(1, Superseded, i > 1 ? chain[i - 2] : null),
                r.At(2, Superseded, i > 2 ? chain[i - 3] : null),
            }),
        ];

        RecordChoice choice = await Task.Run(() => RecordChoice.Choose(RecordsOnPaper.Views(2, shown)));

        Assert.Equal(stranger.Header.RecordId, choice.Chosen?.Header.RecordId);
    }

    [Fact]
    public void AttemptsLeft_IsTheThresholdHighest()
    {
        HeldRecord record = Held(_first.At(1, Active, remaining: 9), _first.At(2, Active, remaining: 0), _first.At(3, Active, remaining: 7), _first.At(4, Active, remaining: 8));

        Assert.Equal(7, record.AttemptsLeft);
    }

    [Fact]
    public void Wait_IsUntilThresholdNodesAreFree()
    {
        HeldRecord delayed = Held(
            _first.At(1, Active), _first.At(2, Active, waitSeconds: 30), _first.At(3, Active, waitSeconds: 60), _first.At(4, Active, waitSeconds: 9000));

        Assert.Equal((TimeSpan.FromSeconds(60), 1), (delayed.Wait, delayed.Free));
    }

    [Fact]
    public void Wait_TooFewNodesHaveAttempts_IsNever() =>
        Assert.Null(Held(_first.At(1, Active), _first.At(2, Active), _first.At(3, Active, remaining: 0)).Wait);

    private static void AssertChoice(RecordsOnPaper? chosen, RecordsOnPaper[] others, params Sighting[] sightings) =>
        AssertChoice(chosen, others, sightings, alsoActive: null);

    private static void AssertChoice(RecordsOnPaper? chosen, RecordsOnPaper[] others, Sighting[] sightings, RecordsOnPaper? alsoActive)
    {
        Sighting[] shown = [.. sightings.Select(s => s.Header == alsoActive?.Header && s.Node == RecordsOnPaper.Node(5) ? s with { State = Active } : s)];

        RecordChoice choice = RecordChoice.Choose(RecordsOnPaper.Views(5, shown));

        Assert.Equal(chosen?.Header.RecordId, choice.Chosen?.Header.RecordId);
        Assert.Equal(others.Select(o => o.Header.RecordId), choice.Others.Select(o => o.Header.RecordId));
    }

    private static HeldRecord Held(params Sighting[] sightings) => Assert.Single(RecordChoice.Held(RecordsOnPaper.Views(5, sightings)));

    private static Sighting[] Everywhere(RecordsOnPaper record, Protocol.Wire.RecordState state, RecordsOnPaper? replaces = null) =>
        [.. Enumerable.Range(1, 5).Select(i => record.At(i, state, replaces))];

    private Sighting Sixth(Header header) => _first.At(5, Active) with { Node = RecordsOnPaper.Node(6), Header = header };

    private static Header SameIdOtherSalt(Header header)
    {
        Protocol.Wire.RecordHeader message = Protocol.Wire.RecordHeader.Parser.ParseFrom(header.Bytes.ToArray());
        message.Kdf.Salt = Google.Protobuf.ByteString.CopyFrom(Enumerable.Repeat((byte)7, 16).ToArray());
        Assert.True(Header.TryParse(Google.Protobuf.MessageExtensions.ToByteArray(message), out Header? other, out _));
        return other;
    }
}
