using Custodian.Core;
using Custodian.Node.Api.Calls;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Records;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Extensions.DependencyInjection;

namespace Custodian.Node.Tests.Api;

/// <summary>
/// Records whose sealed part is another's or damaged, in rows that authenticate: the HSM refuses each, the charge is taken back, one line
/// of the log says both, and nobody else notices.
/// </summary>
public sealed class ForeignPartTests(TestNode node) : IClassFixture<TestNode>
{
    // Of the header: format, role, two mechanisms, the seal key's version, the wrap key's.
    private const int SealVersion = 7;
    private const int WrapVersion = 11;

    [Fact]
    public async Task Evaluate_PartAsADepositStoresIt_IsAnswered()
    {
        TestUser user = node.NewUser();
        ClientRecord record = user.NewRecord();

        await user.StoreAsync(record, (await SealAsync(user, record, OfRecord(user, record))).Part);

        Assert.Equal(record.MaskedShare, (await user.EvaluateAsync(record, AttemptId.Draw())).MaskedShare.ToByteArray());
    }

    [Theory]
    [InlineData("node")]
    [InlineData("account")]
    [InlineData("record")]
    [InlineData("purpose")]
    [InlineData("sealed key")]
    [InlineData("seal version")]
    [InlineData("wrap version")]
    [InlineData("another record's")]
    public async Task Evaluate_PartOfAnother_IsRefusedRefundedAndLoggedOnce(string foreign)
    {
        TestUser user = node.NewUser();
        ClientRecord record = user.NewRecord();

        await AssertRefusedAsync(user, record, await PartAsync(foreign, user, record));
    }

    [Fact]
    public async Task Evaluate_PartWithAnyBitFlipped_IsRefusedRefundedAndLoggedOnce()
    {
        var draws = new Draws("flipped bits of a sealed part");
        for (int i = 0; i < Effort.Times(12, 500); i++)
        {
            TestUser user = node.NewUser();
            ClientRecord record = user.NewRecord();
            byte[] part = (await SealAsync(user, record, OfRecord(user, record))).Part;
            part[draws.Next(part.Length)] ^= (byte)(1 << draws.Next(8));
            await AssertRefusedAsync(user, record, part);
        }
    }

    private async Task AssertRefusedAsync(TestUser user, ClientRecord record, byte[] part)
    {
        TestUser neighbour = node.NewUser();
        ClientRecord sound = await neighbour.EnrolAsync();
        await user.StoreAsync(record, part);

        Refused refused = await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token));
        await neighbour.EvaluateAsync(sound, AttemptId.Draw());

        Assert.Equal("HSM_UNAVAILABLE", refused.Reason);
        Assert.Equal(0U, (await user.DescribeAsync()).Records[0].AttemptsUsed);
        Assert.Equal([AuditKind.Deposited, AuditKind.Charged, AuditKind.Refunded], await user.AuditedAsync());
        string said = Assert.Single(node.Log.TakeWarnings());
        Assert.All((string[])["the HSM failed, Data", "REFUNDED", refused.RequestId], text => Assert.Contains(text, said, StringComparison.Ordinal));
    }

    private async Task<byte[]> PartAsync(string foreign, TestUser user, ClientRecord record)
    {
        TestUser other = node.NewUser();
        ClientRecord others = other.NewRecord();
        ReadOnlySpan<byte> row = node.Store.RowOf(user.Account).Span;
        byte[] ofPrepare = node.Services.GetRequiredService<HsmContext>().OfPrepare(user.Account, record.Id);
        byte[] context = foreign switch
        {
            "node" => HsmContext.OfRecord(NodeId.Parse("node-b.example"), row, record.Id),
            "account" => HsmContext.OfRecord(node.Store.Node, node.Store.RowOf(other.Account).Span, record.Id),
            "record" => HsmContext.OfRecord(node.Store.Node, row, RecordId.Draw()),
            "purpose" or "sealed key" => ofPrepare,
            "another record's" => OfRecord(other, others),
            _ => OfRecord(user, record),
        };
        (byte[] part, byte[] sealedKey) = await SealAsync(user, record, context);
        switch (foreign)
        {
            case "sealed key":
                return sealedKey;
            case "seal version":
                part[SealVersion]++;
                break;
            case "wrap version":
                part[WrapVersion]++;
                break;
        }

        return part;
    }

    private byte[] OfRecord(TestUser user, ClientRecord record) =>
        HsmContext.OfRecord(node.Store.Node, node.Store.RowOf(user.Account).Span, record.Id);

    private static async Task<(byte[] Part, byte[] SealedKey)> SealAsync(TestUser user, ClientRecord record, byte[] context)
    {
        PreparedKey prepared = await user.PrepareAsync(context);
        return (await user.SealAsync(record, prepared, context), prepared.SealedKey);
    }
}
