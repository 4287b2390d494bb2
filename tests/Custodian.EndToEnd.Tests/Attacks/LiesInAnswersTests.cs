using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Google.Protobuf;
using Grpc.Core;
using Xunit.Abstractions;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// One node of five lies in one field of one answer, in every field of every answer: each operation still gives the right result, or an
/// exception that it documents and that names the node; never another key, never a lockout; and once the node is honest all is well.
/// </summary>
[Collection(AttackedNodes.Collection)]
public sealed class LiesInAnswersTests(AttackedNodes nodes, ITestOutputHelper output)
{
    private const int Liar = 1;

    /// <summary>
    /// Lies that no client can tell from a truth: what a node may well say, or what nothing is decided by. Not a list of what is let pass:
    /// every other lie in a Describe, an Evaluate or a Confirm must have the node named.
    /// </summary>
    private static readonly HashSet<string> Believable =
    [
        "Describe.records Missing", "Describe.records BitFlipped",
        "Describe.records.attempts_remaining Missing", "Describe.records.generation BitFlipped", "Describe.records.generation OneTooMany",
        "Describe.records.retry_after_ms BitFlipped", "Describe.records.retry_after_ms OneTooMany", "Describe.records.retry_after_ms Highest",
        "Describe.records.deposit_signature Missing", "Describe.records.deposit_signature BitFlipped",
        "Describe.records.deposit_signature OneTooMany", "Describe.records.deposit_signature Highest",
        "Describe.records.deposit_signature Anothers",
        "Describe.records.replace_signature BitFlipped", "Describe.records.replace_signature OneTooMany",
        "Describe.records.replace_signature Highest",
        "Describe.records.replaces_record_id BitFlipped", "Describe.records.replaces_record_id OneTooMany",
        "Describe.records.replaces_record_id Highest",
        "Describe.records.destroyed_after_unix_ms BitFlipped", "Describe.records.destroyed_after_unix_ms OneTooMany",
        "Describe.records.destroyed_after_unix_ms Highest",
        "Evaluate.attempts_remaining Missing", "Evaluate.attempts_remaining BitFlipped",
        "Evaluate.sequence Missing", "Evaluate.sequence BitFlipped", "Evaluate.sequence OneTooMany", "Evaluate.sequence Highest",
        "Evaluate.sequence Anothers",
        "Confirm.state BitFlipped", "Confirm.state OneTooMany", "Confirm.attempts_remaining Missing",
    ];

    private Realm Realm => nodes.Realm;

    [Theory]
    [InlineData(CustodyMethod.Describe)]
    [InlineData(CustodyMethod.Evaluate)]
    [InlineData(CustodyMethod.Confirm)]
    public async Task Recover_AnyFieldIsALie_GivesTheKeyAndNamesTheLiar(CustodyMethod method)
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        byte[] anothers = await AnothersAsync(front, method);

        await AllFieldsAsync(front, method, lie => RecoverAsync(
            front, subject, method, Telling(lie, anothers), mustName: !Believable.Contains(lie.ToString())));
    }

    [Theory]
    [InlineData(CustodyMethod.Prepare)]
    [InlineData(CustodyMethod.Deposit)]
    [InlineData(CustodyMethod.Activate)]
    public async Task Enrol_AnyFieldIsALie_SucceedsOrNamesTheLiar(CustodyMethod method)
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        byte[] anothers = await AnothersAsync(front, method);

        await AllFieldsAsync(front, method, lie => EnrolAsync(front, lie.ToString(), method, Telling(lie, anothers), mustName: false));
    }

    [Theory]
    [InlineData(CustodyMethod.Describe)]
    [InlineData(CustodyMethod.Evaluate)]
    [InlineData(CustodyMethod.Confirm)]
    public async Task Recover_TheAnswerIsNoMessage_GivesTheKeyAndNamesTheLiar(CustodyMethod method)
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();

        await AllAsync(front, Raw(method), raw => RecoverAsync(front, subject, method, _ => raw.Bytes, mustName: true));
    }

    [Theory]
    [InlineData(CustodyMethod.Prepare)]
    [InlineData(CustodyMethod.Deposit)]
    [InlineData(CustodyMethod.Activate)]
    public async Task Enrol_TheAnswerIsNoMessage_SucceedsOrIsRefusedAndNamesTheLiar(CustodyMethod method)
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);

        await AllAsync(front, Raw(method), raw => EnrolAsync(front, $"{method}: {raw.Name}", method, _ => raw.Bytes, mustName: true));
    }

    [Theory]
    [InlineData(CustodyMethod.Retire)]
    [InlineData(CustodyMethod.Delete)]
    public async Task RetireOrDelete_TheAnswerIsNoMessage_NamesTheLiar(CustodyMethod method)
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);

        await AllAsync(front, Raw(method), async raw =>
        {
            (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
            using EnrollResult kept = enrolled;
            front.Add(method, (_, next) => Then(next, _ => raw.Bytes));
            await using CustodianClient device = Realm.Client(subject);
            using EnrollResult changed = await device.ChangeSecretAsync(AttackedNodes.Secret, "another secret");
            DeleteResult deleted = await device.DeleteAsync(changed.OwnerKey);
            front.BeHonest();

            NodeId id = NodeId.Parse(front.NodeId);
            Assert.Equal(NodeCondition.Faulty, (method == CustodyMethod.Retire ? changed.Nodes : deleted.Nodes)[id].Condition);
            Assert.Equal(method == CustodyMethod.Retire, changed.StillHoldingOld.Contains(id));
            Assert.Equal(method == CustodyMethod.Delete, deleted.Remaining.Contains(id));
        });
    }

    [Fact]
    public void Lies_OfAllAnswers_AreInEveryField()
    {
        string[] fields = [.. Enum.GetValues<CustodyMethod>().SelectMany(Lie.In).Select(l => $"{l.Method}.{l.Path}").Distinct()];

        Assert.Equal(26, fields.Length);
        Assert.All(Believable, b => Assert.Contains(Enum.GetValues<CustodyMethod>().SelectMany(Lie.In), l => l.ToString() == b));
    }

    /// <summary>Bytes that are no answer of a method.</summary>
    private static IEnumerable<(string Name, byte[] Bytes)> Raw(CustodyMethod method) =>
    [
        ("a truncated field", [(1 << 3) | 2, 100, 1]),
        ("a length beyond any array", [(1 << 3) | 2, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("a field of number zero", [0, 1]),
        .. method is CustodyMethod.Retire or CustodyMethod.Delete ? [] : new[] { ("nothing", Array.Empty<byte>()) },
    ];

    /// <summary>
    /// Makes of each field the first lie that is one, and in the whole all of them: what a field holds already is no lie in it.
    /// </summary>
    /// <param name="front">Makes them.</param>
    /// <param name="method">In whose answers.</param>
    /// <param name="check">Has one made, and says whether it was.</param>
    private Task AllFieldsAsync(LyingNode front, CustodyMethod method, Func<Lie, Task<bool>> check) =>
        AllAsync(front, Lie.ByField(method), async field =>
        {
            int told = 0;
            foreach (Lie lie in field.Lies.TakeWhile(_ => told == 0 || Effort.IsWhole))
            {
                try
                {
                    told += await check(lie) ? 1 : 0;
                }
                catch (Exception failure)
                {
                    throw new InvalidOperationException($"{lie}", failure);
                }
            }

            Assert.True(told > 0, "no lie was told in it");
        });

    /// <summary>Makes each of these lies, and says all that went wrong.</summary>
    private async Task AllAsync<T>(LyingNode front, IEnumerable<T> lies, Func<T, Task> check)
    {
        var wrong = new List<string>();
        int count = 0;
        foreach (T lie in lies)
        {
            count++;
            try
            {
                await check(lie);
            }
            catch (Exception failure)
            {
                front.BeHonest();
                wrong.Add($"{lie}: {failure}");
            }
        }

        output.WriteLine($"{count} tried");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static Func<byte[], byte[]?> Telling(Lie lie, byte[] anothers) => answer => lie.Tell(answer, anothers);

    /// <summary>Has the answers of a method changed where that makes a lie; whether one was told since.</summary>
    private static Func<bool> Tell(LyingNode front, CustodyMethod method, Func<byte[], byte[]?> tell)
    {
        bool told = false;
        front.Add(method, async (_, next) =>
        {
            byte[] honest = await next();
            byte[]? lied = tell(honest);
            told |= lied is not null;
            return lied ?? honest;
        });
        return () => told;
    }

    private async Task<bool> RecoverAsync(
        LyingNode front, string subject, CustodyMethod method, Func<byte[], byte[]?> tell, bool mustName)
    {
        int before = front.CallsOf(method).Count;
        Func<bool> isTold = Tell(front, method, tell);
        (NodeOutcome inView, NodeOutcome inTheEnd) = await RecoverAsync(subject, NodeId.Parse(front.NodeId));

        NodeOutcome named = method == CustodyMethod.Describe ? inView : inTheEnd;
        Assert.True((isTold() && mustName) == (named.Condition == NodeCondition.Faulty), $"{named.Condition} {named}");
        Assert.True(method == CustodyMethod.Describe || front.CallsOf(method).Count - before == 1, "it was asked again");
        front.BeHonest();
        await nodes.AssertRecoversAsync(subject);
        return isTold();
    }

    /// <summary>What a device makes of the node that lies; it gets the key, and blames and locks out nobody else.</summary>
    private async Task<(NodeOutcome InView, NodeOutcome InTheEnd)> RecoverAsync(string subject, NodeId liar)
    {
        await using CustodianClient device = Realm.Client(subject, o => o.AttemptTimeout = TimeSpan.FromMinutes(2));
        AccountDescription described = await device.DescribeAsync();
        using RecoverResult recovered = await device.RecoverAsync(AttackedNodes.Secret);
        SettlementReport settled = await recovered.Settlement;

        Assert.True(recovered.PrivateKey.FixedTimeEquals(AttackedNodes.Key), "another key came back");
        Assert.Equal(10, described.AttemptsLeft);
        Assert.All(settled.Faulty, f => Assert.Equal(liar, f));
        Assert.All(described.Nodes.Where(n => n.Key != liar), n => Assert.Equal(NodeCondition.Answered, n.Value.Condition));
        return (described.Nodes[liar], settled.Nodes[liar]);
    }

    private async Task<bool> EnrolAsync(LyingNode front, string lie, CustodyMethod method, Func<byte[], byte[]?> tell, bool mustName)
    {
        string subject = Realm.NewSubject();
        Func<bool> isTold = Tell(front, method, tell);
        NodeId id = NodeId.Parse(front.NodeId);
        bool isShareFalse = false;
        await using CustodianClient device = Realm.Client(subject);
        try
        {
            using EnrollResult enrolled = await device.EnrollAsync(AttackedNodes.Key, AttackedNodes.Secret);
            output.WriteLine($"{lie}: enrolled, the liar {enrolled.Nodes[id]}");

            // A point that another key gives is a point like any other: only a recovery can tell.
            isShareFalse = method == CustodyMethod.Prepare && isTold();
            Assert.True(!mustName || enrolled.Nodes[id].Condition == NodeCondition.Faulty, $"{enrolled.Nodes[id]}");
            Assert.True(enrolled.Active.Length >= 4, $"in effect at {enrolled.Active.Length} nodes");
            Assert.Equal(enrolled.Active.Contains(id), enrolled.Nodes[id].Condition == NodeCondition.Answered);
        }
        catch (EnrollmentRefusedException refused)
        {
            output.WriteLine($"{lie}: {refused.Message}");
            Assert.True(isTold(), "refused without a lie");
            Assert.Contains(refused.Nodes[id].Condition, mustName ? [NodeCondition.Faulty] : new[] { NodeCondition.Faulty, NodeCondition.Refused });
            Assert.All(refused.Nodes.Where(n => n.Key != id), n => Assert.Equal(NodeCondition.Answered, n.Value.Condition));
            front.BeHonest();
            (await device.EnrollAsync(AttackedNodes.Key, AttackedNodes.Secret)).Dispose();
        }

        front.BeHonest();
        NodeOutcome later = (await RecoverAsync(subject, id)).InTheEnd;
        Assert.True(later.Condition == (isShareFalse ? NodeCondition.Faulty : NodeCondition.Answered), $"{later.Condition} {later}");
        await nodes.AssertRecoversAsync(subject);
        return isTold();
    }

    /// <summary>The answer of a method about another user, and of another of that user's nodes where the node's own would do.</summary>
    private async Task<byte[]> AnothersAsync(LyingNode front, CustodyMethod method)
    {
        await using LyingNode other = await LyingNode.StartAsync(Realm, Realm.Nodes[3]);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        await nodes.AssertRecoversAsync(subject);
        Assert.NotEmpty(front.CallsOf(method));
        return other.CallsOf(method)[^1].Answer!;
    }

    private static async Task<byte[]> Then(Func<Task<byte[]>> next, Func<byte[], byte[]> change) => change(await next());
}
