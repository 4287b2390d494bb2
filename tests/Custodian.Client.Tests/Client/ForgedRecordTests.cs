using Custodian.Protocol;
using Google.Protobuf;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>
/// Two liars of five show records of their own making, in a set that takes records of threshold 2, where the user's has 3: together they
/// hold them, and still do not come between the user and the key.
/// </summary>
public sealed class ForgedRecordTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);

    [Fact]
    public async Task Recover_ForgedRecordWithoutAttempts_DoesNotLockTheRealOne()
    {
        await using ScriptedSet set = await EnrolledAsync();
        Forge(set, [1], attempts: 0);

        using RecoverResult recovered = await set.NewClient(custodians: Low(set)).RecoverAsync("secret");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
    }

    [Fact]
    public async Task Recover_ManyForgedRecords_TriesTheRealOneAmongTheFirst()
    {
        await using ScriptedSet set = await EnrolledAsync();
        Forge(set, Enumerable.Range(3, 8));

        using RecoverResult recovered = await set.NewClient(custodians: Low(set)).RecoverAsync("secret");

        await recovered.Settlement;
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.InRange(set[2].Script.Count("Evaluate"), 1, 2);
    }

    [Fact]
    public async Task Recover_ManyForgedRecordsAndAWrongSecret_StopsAndIsNotCertain()
    {
        await using ScriptedSet set = await EnrolledAsync();
        Forge(set, Enumerable.Range(3, 8));

        var wrong = await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient(custodians: Low(set)).RecoverAsync("guess"));

        Assert.False(wrong.IsCertain);
        Assert.InRange(set[0].Script.Count("Evaluate"), 1, 4);
    }

    [Fact]
    public async Task Describe_MoreRecordsThanANodeHolds_IsFaulty()
    {
        await using ScriptedSet set = await EnrolledAsync();
        set.ExpectedWarnings.Add("is faulty: it shows more live records");
        Forge(set, Enumerable.Range(3, 9));

        AccountDescription described = await set.NewClient(custodians: Low(set)).DescribeAsync();

        Assert.Equal([set[0].Id, set[1].Id], described.Nodes.Where(n => n.Value.Condition == NodeCondition.Faulty).Select(n => n.Key).Order());
        Assert.Equal(1UL, described.Record!.Generation);
    }

    private static async Task<ScriptedSet> EnrolledAsync()
    {
        ScriptedSet set = await ScriptedSet.StartAsync();
        set.ExpectedWarnings.Add("Attempts at record");
        (await set.EnrolAsync(Key, "secret")).Dispose();
        return set;
    }

    private static CustodianSet Low(ScriptedSet set) =>
        CustodianSet.Create(ScriptedSet.Id, 3, set.Custodians().Nodes, new CustodianSetOptions { MinThreshold = 2 });

    /// <summary>Lets the first two nodes show these instead of what they hold; the newest ACTIVE.</summary>
    private static void Forge(ScriptedSet set, IEnumerable<int> generations, uint attempts = 10)
    {
        Wire.RecordStatus[] forged = [.. generations.Select(g => Forged(set, (ulong)g, attempts))];
        forged[^1].State = Wire.RecordState.Active;
        foreach (int liar in new[] { 0, 1 })
        {
            set[liar].Script.Describe = answer =>
            {
                answer.Records.Clear();
                answer.Records.AddRange(forged);
            };
        }
    }

    private static Wire.RecordStatus Forged(ScriptedSet set, ulong generation, uint attempts)
    {
        RecordId id = RecordId.Draw();
        RecordKeys keys = RecordKeys.Derive(RepeatableBytes.Of($"key {generation}", 32), id);
        Header header = Header.Create(new HeaderFields
        {
            SetId = ScriptedSet.Id,
            AccountId = set.Account,
            RecordId = id,
            Generation = generation,
            CreatedUnixMs = 0,
            Threshold = 2,
            Participants = [new HeaderParticipant(set[0].Id, 1), new HeaderParticipant(set[1].Id, 2)],
            Kdf = new StretchParameters([.. new byte[16]], 19456, 1, 1),
            Commitment = keys.Commitment.ToArray(),
            OwnerPublicKey = keys.Owner.PublicKey.ToArray(),
            ConfirmPublicKey = keys.Confirm.PublicKey.ToArray(),
            MaxAttempts = 10,
            EnvelopeDigest = new byte[32],
        });
        return new Wire.RecordStatus
        {
            Header = ByteString.CopyFrom(header.Bytes.Span),
            State = Wire.RecordState.Superseded,
            RecordId = ByteString.CopyFrom(id.ToArray()),
            Generation = generation,
            AttemptsRemaining = attempts,
        };
    }
}
