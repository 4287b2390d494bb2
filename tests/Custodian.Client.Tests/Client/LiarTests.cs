using System.Security.Cryptography;
using Custodian.Protocol;
using Google.Protobuf;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>One node of five lies, in one thing at a time: the key is recovered all the same, and the liar is named.</summary>
public sealed class LiarTests
{
    private const int Liar = 1;
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);

    public static TheoryData<string> EvaluateLies =>
    [
        "evaluated is another point", "evaluated is no point", "evaluated is empty", "masked share", "masked share of another length",
        "deposit signature", "envelope", "envelope is empty", "attempts: no charge", "attempts: more than there are", "reserved field 10",
        "reserved field 12",
    ];

    [Theory]
    [MemberData(nameof(EvaluateLies))]
    public async Task Recover_OneNodeLiesInEvaluate_NamesIt(string lie)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("node-2 is faulty");
        await set.EnrolAsync(Key, "secret");
        TaskCompletionSource liarAnswered = new();
        set[Liar].Script.Evaluate = (_, answer) =>
        {
            LieIn(lie, answer);
            liarAnswered.TrySetResult();
        };
        foreach (ScriptedNode honest in set.Nodes.Where(n => n != set[Liar]))
        {
            honest.Script.Before = (method, _) => method == "Evaluate" ? liarAnswered.Task : Task.CompletedTask;
        }

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        SettlementReport settled = await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.Equal([set[Liar].Id], settled.Faulty.ToArray());
        Assert.Equal(NodeCondition.Faulty, settled.Nodes[set[Liar].Id].Condition);
        Assert.Equal(5, settled.Confirmed.Length);
        Assert.Equal(1, set[Liar].Script.Count("Confirm"));
    }

    public static TheoryData<string> DescribeLies =>
    [
        "header: other salt", "header: other account", "header: not a header", "header: unknown field", "header: without this node",
        "header: threshold below the set's", "state: none", "state: destroyed", "state: superseded by nothing", "attempts", "delay",
        "record_id", "generation beside the header", "generation far away", "node_id", "set_id", "record twice",
    ];

    [Theory]
    [MemberData(nameof(DescribeLies))]
    public async Task Recover_OneNodeLiesInDescribe_NamesIt(string lie)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("node-2 is faulty");
        await set.EnrolAsync(Key, "secret");
        set[Liar].Script.Describe = answer => LieIn(lie, answer);

        AccountDescription described = await set.NewClient().DescribeAsync();
        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.Equal([set[Liar].Id], described.Nodes.Where(n => n.Value.Condition == NodeCondition.Faulty).Select(n => n.Key));
        Assert.Equal(10, described.AttemptsLeft);
    }

    [Fact]
    public async Task Prepare_OneNodeAnnouncesALockout_IsNotBelieved()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        await set.EnrolAsync(Key, "secret");
        set[Liar].Script.Describe = answer => answer.Records[0].AttemptsRemaining = 0;

        using RecoverySession session = await set.NewClient().PrepareRecoveryAsync();
        using RecoverResult recovered = await session.RecoverAsync("secret");

        await recovered.Settlement;
        Assert.Equal((10, TimeSpan.Zero), (session.AttemptsLeft, session.Delay));
    }

    [Fact]
    public async Task Recover_OneNodeHidesAttempts_CountsAsTheOthersDo()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("node-2 is faulty");
        await set.EnrolAsync(Key, "secret");
        set[Liar].Script.Evaluate = (_, answer) => answer.AttemptsRemaining = 10;

        WrongSecretException wrong = await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().RecoverAsync("guess"));

        Assert.Equal(9, wrong.AttemptsLeft);
        Assert.False(wrong.IsCertain);
        Assert.Equal(NodeCondition.Faulty, wrong.Nodes[set[Liar].Id].Condition);
    }

    [Fact]
    public async Task Recover_OneNodeLiesInConfirm_NamesIt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("node-2 is faulty");
        await set.EnrolAsync(Key, "secret");
        set[Liar].Script.Confirm = answer => answer.State = Wire.RecordState.Pending;

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        Assert.Equal([set[Liar].Id], (await recovered.Settlement).Faulty.ToArray());
    }

    [Fact]
    public async Task Recover_TwoNodesLieAndAnswerFirst_RecoversFromTheThreeHonestOnes()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.AddRange(["node-2 is faulty", "node-4 is faulty"]);
        await set.EnrolAsync(Key, "secret");
        CountdownEvent lied = new(2);
        TaskCompletionSource bothLied = new();
        foreach (ScriptedNode node in set.Nodes)
        {
            bool lies = node == set[1] || node == set[3];
            node.Script.Before = (method, _) => method == "Evaluate" && !lies ? bothLied.Task : Task.CompletedTask;
            node.Script.Evaluate = (_, answer) =>
            {
                if (lies)
                {
                    LieIn("evaluated is another point", answer);
                    if (lied.Signal())
                    {
                        bothLied.SetResult();
                    }
                }
            };
        }

        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");

        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.Equal([set[1].Id, set[3].Id], (await recovered.Settlement).Faulty.ToArray());
    }

    [Fact]
    public async Task Enrol_OneNodeEvaluatesToNoPoint_IsRefusedAndTheNodeNamed()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        set[Liar].Script.Prepare = answer => answer.Evaluated = ByteString.CopyFrom(Enumerable.Repeat((byte)0xff, 32).ToArray());

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => set.NewClient().EnrollAsync(Key, "secret"));

        Assert.Equal(NodeCondition.Faulty, refused.Nodes[set[Liar].Id].Condition);
        Assert.All(Enumerable.Range(0, 5), i => Assert.Empty(set.At(i).Records));
    }

    private static void LieIn(string lie, Wire.EvaluateResponse answer)
    {
        switch (lie)
        {
            case "evaluated is another point": answer.Evaluated = ByteString.CopyFrom(AnotherPoint()); break;
            case "evaluated is no point": answer.Evaluated = ByteString.CopyFrom(Enumerable.Repeat((byte)0xff, 32).ToArray()); break;
            case "evaluated is empty": answer.Evaluated = ByteString.Empty; break;
            case "masked share": answer.MaskedShare = Flipped(answer.MaskedShare); break;
            case "masked share of another length": answer.MaskedShare = ByteString.CopyFrom(new byte[31]); break;
            case "deposit signature": answer.DepositSignature = Flipped(answer.DepositSignature); break;
            case "envelope": answer.Envelope = Flipped(answer.Envelope); break;
            case "envelope is empty": answer.Envelope = ByteString.Empty; break;
            case "attempts: no charge": answer.AttemptsRemaining = 10; break;
            case "attempts: more than there are": answer.AttemptsRemaining = uint.MaxValue; break;
            case "reserved field 10": answer.MergeFrom(new byte[] { (10 << 3) | 0, 1 }); break;
            case "reserved field 12": answer.MergeFrom(new byte[] { (12 << 3) | 2, 1, 0 }); break;
            default: throw new ArgumentException(lie);
        }
    }

    private static void LieIn(string lie, Wire.DescribeResponse answer)
    {
        Wire.RecordStatus record = answer.Records[0];
        switch (lie)
        {
            case "header: other salt": Edit(record, h => h.Kdf.Salt = ByteString.CopyFrom(new byte[16])); break;
            case "header: other account": Edit(record, h => h.AccountId = ByteString.CopyFrom(new byte[32])); break;
            case "header: not a header": record.Header = ByteString.CopyFromUtf8("header"); break;
            case "header: unknown field": record.Header = ByteString.CopyFrom([.. record.Header.Span, (15 << 3) | 0, 1]); break;
            case "header: without this node": Edit(record, h => h.Participants[Liar].NodeId = "node-9"); break;
            case "header: threshold below the set's":
                Edit(record, h =>
                {
                    h.Threshold = 2;
                    h.Participants.RemoveAt(4);
                    h.Participants.RemoveAt(3);
                });
                break;
            case "state: none": record.State = (Wire.RecordState)7; break;
            case "state: destroyed": record.State = Wire.RecordState.Destroyed; break;
            case "state: superseded by nothing": record.State = Wire.RecordState.Superseded; break;
            case "attempts": record.AttemptsRemaining = 11; break;
            case "delay": record.RetryAfterMs = -1; break;
            case "record_id": record.RecordId = ByteString.CopyFrom(new byte[16]); break;
            case "generation beside the header": record.Generation = 5; break;
            case "generation far away": AddTombstone(answer, ulong.MaxValue); break;
            case "node_id": answer.NodeId = "node-3"; break;
            case "set_id": answer.SetId = "other-set"; break;
            case "record twice": answer.Records.Add(record.Clone()); break;
            default: throw new ArgumentException(lie);
        }
    }

    private static void AddTombstone(Wire.DescribeResponse answer, ulong generation) => answer.Records.Add(new Wire.RecordStatus
    {
        State = Wire.RecordState.Destroyed,
        RecordId = ByteString.CopyFrom(new byte[16]),
        Generation = generation,
    });

    private static void Edit(Wire.RecordStatus record, Action<Wire.RecordHeader> edit)
    {
        Wire.RecordHeader header = Wire.RecordHeader.Parser.ParseFrom(record.Header);
        edit(header);
        record.Header = header.ToByteString();
    }

    private static byte[] AnotherPoint()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportParameters(false).Q.X!;
    }

    private static ByteString Flipped(ByteString bytes)
    {
        byte[] copy = bytes.ToByteArray();
        copy[0] ^= 1;
        return ByteString.CopyFrom(copy);
    }
}
