using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Google.Protobuf;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// Two generations are held, as a change of the secret leaves them that was interrupted before its Retires: what lets the newer one stand
/// over the older is its replace_signature alone. One node of five lies in what it shows of that.
/// </summary>
[Collection(AttackedNodes.Collection)]
public sealed class LiesBesideAnOlderRecordTests(AttackedNodes nodes)
{
    private const int Liar = 1;
    private const string NewSecret = "another secret";

    private Realm Realm => nodes.Realm;

    [Theory]
    [InlineData("records.replace_signature")]
    [InlineData("records.replaces_record_id")]
    public async Task Recover_OneNodeLiesInWhoLetTheNewerRecordReplace_TheNewerIsChosenAllTheSame(string field)
    {
        LyingNode[] fronts = await Task.WhenAll(Realm.Nodes.Select(n => LyingNode.StartAsync(Realm, n)));
        try
        {
            Array.ForEach(fronts, f => f.Add(CustodyMethod.Retire, (_, _) => Task.FromResult(new Wire.RetireResponse().ToByteArray())));
            (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
            enrolled.Dispose();
            await using CustodianClient device = Realm.Client(subject);
            (await device.ChangeSecretAsync(AttackedNodes.Secret, NewSecret)).Dispose();
            await AssertTheNewerIsChosenAsync(device, NodeId.Parse(fronts[Liar].NodeId));
            byte[] anothers = NewestFirst(fronts[Liar + 1].CallsOf(CustodyMethod.Describe)[^1].Answer!);

            int told = 0;
            Lie lie = new(CustodyMethod.Describe, field, default);
            fronts[Liar].Add(CustodyMethod.Describe, async (_, next) =>
            {
                byte[] honest = NewestFirst(await next());
                byte[]? lied = lie.Tell(honest, anothers);
                told += lied is null ? 0 : 1;
                return lied ?? honest;
            });
            foreach (Lie made in Lie.In(CustodyMethod.Describe).Where(l => l.Path == field))
            {
                (lie, told) = (made, 0);
                await AssertTheNewerIsChosenAsync(device, NodeId.Parse(fronts[Liar].NodeId));
                Assert.Equal(made.Falsehood == Falsehood.Anothers && field == "records.replaces_record_id", told == 0);
            }
        }
        finally
        {
            foreach (LyingNode front in fronts)
            {
                await front.DisposeAsync();
            }
        }
    }

    private static async Task AssertTheNewerIsChosenAsync(CustodianClient device, NodeId liar)
    {
        AccountDescription described = await device.DescribeAsync();
        Assert.Equal((2UL, 1UL), (described.Record!.Generation, Assert.Single(described.OtherRecords).Generation));
        using RecoverResult recovered = await device.RecoverAsync(NewSecret);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(AttackedNodes.Key), "another key came back");
        Assert.Equal((2UL, false), (recovered.Record.Generation, recovered.IsOlderRecord));
        SettlementReport settled = await recovered.Settlement;

        // Nothing tells such a lie from a node that took part in another change.
        Assert.Equal((NodeCondition.Answered, NodeCondition.Answered), (described.Nodes[liar].Condition, settled.Nodes[liar].Condition));
        Assert.Empty(settled.Faulty);
    }

    /// <summary>With the newer record first, which is the one that is lied about.</summary>
    private static byte[] NewestFirst(byte[] described)
    {
        var answer = LyingCall.Parse<Wire.DescribeResponse>(described);
        Wire.RecordStatus[] records = [.. answer.Records.OrderByDescending(GenerationOf)];
        answer.Records.Clear();
        answer.Records.Add(records);
        return answer.ToByteArray();
    }

    private static ulong GenerationOf(Wire.RecordStatus status)
    {
        Assert.True(Header.TryParse(status.Header.Span, out Header? header, out _));
        return header.Generation;
    }
}
