using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Custodian.Testing;
using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// A whole node that tests a guess by making its answer right for that secret alone, and then looks at what the user's client does. It is
/// discarded before it enters a subset, so that the client does the same whether the guess was right or wrong, whoever else answers.
/// </summary>
[Collection(AttackedNodes.Collection)]
public sealed class SingleGuessTests(AttackedNodes nodes)
{
    private const int Liar = 1;
    private static readonly TimeSpan LongPatience = TimeSpan.FromMinutes(2);

    private Realm Realm => nodes.Realm;

    public static IEnumerable<object[]> Cases =>
        from test in Enum.GetValues<GuessTest>()
        from honestOthers in new[] { 2, 3, 4 }
        where Effort.IsWhole || test == GuessTest.OtherKeyAndMaskedShare || honestOthers == 2
        select new object[] { test, honestOthers };

    /// <summary>How the node tries to test its guess.</summary>
    public enum GuessTest
    {
        /// <summary>Another key, and the masked share that is right under it for the guess.</summary>
        OtherKeyAndMaskedShare,

        /// <summary>That, with the envelope and signature of the deposit left out.</summary>
        OtherKeyAndNoSignature,

        /// <summary>Another key, and the masked share as it was deposited.</summary>
        OtherKeyAlone,
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Recover_OneNodeIsRightForOneGuessOnly_TheClientDoesTheSameForARightAndAWrongGuess(GuessTest test, int honestOthers)
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        WholeNode own = WholeNode.TakeOver(front);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();

        Seen right = await WatchAsync(front, own, subject, test, honestOthers, guess: AttackedNodes.Secret);
        Seen wrong = await WatchAsync(front, own, subject, test, honestOthers, guess: "another secret");

        Assert.Equal(right, wrong);
        Assert.Equal(honestOthers >= 3, right.WasConfirmed);
        Assert.Equal(honestOthers >= 3, right.Outcome == nameof(RecoverResult));
        Assert.Equal(honestOthers >= 3 || test != GuessTest.OtherKeyAlone, right.IsNamed);
    }

    [Fact]
    public async Task Recover_TheSameNodeHonest_IsAmongThoseThatGiveTheKey()
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        WholeNode.TakeOver(front);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        await using CustodianClient device = Device(subject, honestOthers: 2);

        using RecoverResult recovered = await device.RecoverAsync(AttackedNodes.Secret);

        Assert.True(recovered.PrivateKey.FixedTimeEquals(AttackedNodes.Key));
        Assert.Empty((await recovered.Settlement).Faulty);
    }

    /// <summary>One recovery with the right secret while the node tests a guess, as the node and the user see it.</summary>
    private async Task<Seen> WatchAsync(LyingNode front, WholeNode own, string subject, GuessTest test, int honestOthers, string guess)
    {
        using var thief = new Thief(Realm, subject);
        Header header = await thief.HeaderAsync(own.Real);
        using SecretBytes stretched = Thief.Stretch(guess, header);
        byte[] otherKey = WholeNode.NewKey();
        byte[] rightForTheGuess = Thief.Xor(
            own.ShareOf(thief.Account, header, stretched), own.MaskOf(otherKey, thief.Account, header, stretched));
        int before = front.Calls.Count;
        bool isLying = true;
        front.Alter<EvaluateResponse>((call, answer) =>
        {
            if (isLying)
            {
                answer.Evaluated = WholeNode.Multiply(otherKey, call.RequestAs<EvaluateRequest>().Blinded);
                Forge(test, answer, rightForTheGuess);
            }
        });

        long began = TimeProvider.System.GetTimestamp();
        (string outcome, bool isNamed) = await RecoverAsync(subject, honestOthers, own.Real);
        bool waited = TimeProvider.System.GetElapsedTime(began) > LongPatience / 2;
        isLying = false;
        return new Seen(outcome, isNamed, string.Join(' ', front.Calls.Skip(before).Select(c => c.Method)), waited);
    }

    private static void Forge(GuessTest test, EvaluateResponse answer, byte[] rightForTheGuess)
    {
        if (test != GuessTest.OtherKeyAlone)
        {
            answer.MaskedShare = ByteString.CopyFrom(rightForTheGuess);
        }

        if (test == GuessTest.OtherKeyAndNoSignature)
        {
            answer.DepositSignature = ByteString.Empty;
        }
    }

    private async Task<(string Outcome, bool IsNamed)> RecoverAsync(string subject, int honestOthers, NodeProcess liar)
    {
        await using CustodianClient device = Device(subject, honestOthers);
        NodeId id = NodeId.Parse(liar.NodeId);
        try
        {
            using RecoverResult recovered = await device.RecoverAsync(AttackedNodes.Secret);
            Assert.True(recovered.PrivateKey.FixedTimeEquals(AttackedNodes.Key));
            return (nameof(RecoverResult), (await recovered.Settlement).Faulty.Contains(id));
        }
        catch (CustodyException failure)
        {
            return (failure.GetType().Name, failure.Nodes[id].Condition == NodeCondition.Faulty);
        }
    }

    /// <summary>A device that has tokens for the liar and so many others.</summary>
    private CustodianClient Device(string subject, int honestOthers)
    {
        string[] silent = [.. Realm.Nodes.Where((_, i) => i != Liar).Skip(honestOthers).Select(n => n.NodeId)];
        return Realm.Client(subject, options =>
        {
            options.Patience = LongPatience;
            options.Token = (node, _) => silent.Contains(node.Value)
                ? throw new InvalidOperationException("no token for this node")
                : ValueTask.FromResult(Realm.Issuer.TokenFor(node.Value, subject));
        });
    }

    /// <summary>What a recovery came to, and what of it the node could see.</summary>
    private sealed record Seen(string Outcome, bool IsNamed, string Calls, bool WaitedForOthers)
    {
        internal bool WasConfirmed => Calls.Contains("Confirm", StringComparison.Ordinal);
    }
}
