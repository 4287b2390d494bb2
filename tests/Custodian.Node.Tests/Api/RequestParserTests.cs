using System.Collections.Frozen;
using Custodian.Core;
using Custodian.Node.Access;
using Custodian.Node.Api;
using Custodian.Node.Api.Requests;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Tests.Api;

/// <summary>Requests into calls: what is valid is read, and every field outside its form is named.</summary>
public sealed class RequestParserTests
{
    private static readonly NodeProfile Profile = new(
        ClientRecord.Node, new[] { ClientRecord.Set, SetId.Parse("acme-test") }.ToFrozenSet(), new AttemptPolicy());

    private static readonly Dictionary<string, RequestFault> Faults = RequestFaults.All.ToDictionary(f => f.ToString());

    public static TheoryData<string> FaultNames => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void Parse_FieldOutsideItsForm_NamesTheField(string name)
    {
        RequestFault fault = Faults[name];

        FieldFault? found = FaultIn(fault.Message);

        Assert.Equal(fault.Field, found?.Field);
        Assert.False(string.IsNullOrWhiteSpace(found!.Expected));
    }

    [Fact]
    public void Parse_EveryFieldOfEveryRequest_IsInTheTable()
    {
        IEnumerable<string> fields =
            from message in Custodian.Protocol.Wire.MessagesReflection.Descriptor.MessageTypes
            where message.Name.EndsWith("Request", StringComparison.Ordinal)
            from field in message.Fields.InDeclarationOrder()
            where field.Name != "header"
            select $"{message.Name[..^"Request".Length]} {field.Name}";
        IEnumerable<string> headerFields =
            from field in RecordHeader.Descriptor.Fields.InDeclarationOrder()
            where field.Name != "created_unix_ms"
            select $"Deposit header.{field.Name}";

        Assert.Empty(fields.Concat(headerFields).Except(Faults.Values.Select(f => $"{f.Method} {f.Field}")));
    }

    [Fact]
    public void Parse_ValidRequests_HaveNoFault()
    {
        ClientRecord record = new(1);
        AttemptId attempt = AttemptId.Draw();
        IMessage[] valid =
        [
            record.Prepare(), record.DepositMessage(Bytes(1)), record.DepositMessage(Bytes(1024), new ClientRecord(2), RecordId.Draw()),
            record.ActivateMessage(), ClientRequests.Describe(), record.Evaluate(attempt), record.ConfirmMessage(attempt, ulong.MaxValue),
            record.RetireMessage(record), record.DeleteMessage(RecordState.Pending), record.DeleteMessage(RecordState.Superseded),
        ];

        Assert.All(valid, message => Assert.Null(FaultIn(message)));
    }

    [Theory]
    [InlineData(285)]
    [InlineData(65536)]
    public void Deposit_EnvelopeAtItsBounds_HasNoFault(int length)
    {
        DepositRequest request = new ClientRecord(1).DepositMessage(Bytes(1));
        request.Envelope = Bytes(length);

        Assert.Null(FaultIn(request));
    }

    [Fact]
    public void Evaluate_Valid_IsReadFieldByField()
    {
        ClientRecord record = new(1);
        AttemptId attempt = AttemptId.Draw();

        Parsed<PointedEvaluate> parsed = RequestParser.Evaluate(record.Evaluate(attempt), Fields());

        byte[] digest = System.Security.Cryptography.SHA256.HashData(ClientRequests.Blinded.Span);
        Assert.Equal((record.Account, record.Id, attempt), (parsed.Account, parsed.Call!.Call.Record, parsed.Call.Call.Attempt));
        Assert.Equal(digest, parsed.Call.Call.BlindedDigest.ToArray());
        Assert.Equal((65, 4), (parsed.Call.Point.Length, parsed.Call.Point.Span[0]));
        Assert.Equal(ClientRequests.Blinded.ToByteArray(), parsed.Call.Point[1..33].ToArray());
        Assert.Equal(0, parsed.Call.Point.Span[64] & 1);
    }

    [Fact]
    public void Deposit_Valid_IsReadFieldByField()
    {
        ClientRecord record = new(2);
        ClientRecord former = new(1);
        RecordId pending = RecordId.Draw();

        SealedDeposit call = DepositParser.Parse(record.DepositMessage(Bytes(77), former, pending), Fields()).Call!;

        Assert.True(call.Deposit.Header.IsSameAs(record.Header));
        Assert.Equal(record.MaskedShare, call.Deposit.MaskedShare.ToArray());
        Assert.Equal(record.Envelope, call.Deposit.Envelope.ToArray());
        Assert.Equal((77, former.Id, pending), (call.SealedKey.Length, call.Deposit.Replacement!.Replaced, call.Deposit.ReplacesPending));
    }

    [Fact]
    public void Parse_TwoFaults_NamesTheFirstField()
    {
        EvaluateRequest request = new ClientRecord(1).Evaluate(AttemptId.Draw());
        request.RecordId = Bytes(3);
        request.Blinded = Bytes(3);

        Assert.Equal("record_id", FaultIn(request)!.Field);
    }

    [Fact]
    public void Parse_AccountOfAnotherSubject_IsAnotherAccount()
    {
        var stranger = new FieldReader(Profile, new Caller(ClientRecord.Issuer, "another user"));

        Assert.NotEqual(new ClientRecord(1).Account, RequestParser.Describe(ClientRequests.Describe(), stranger).Account);
    }

    private static FieldReader Fields() => new(Profile, new Caller(ClientRecord.Issuer, ClientRecord.Subject));

    private static FieldFault? FaultIn(IMessage message) => message switch
    {
        PrepareRequest m => RequestParser.Prepare(m, Fields()).Fault,
        DepositRequest m => DepositParser.Parse(m, Fields()).Fault,
        ActivateRequest m => RequestParser.Activate(m, Fields()).Fault,
        DescribeRequest m => RequestParser.Describe(m, Fields()).Fault,
        EvaluateRequest m => RequestParser.Evaluate(m, Fields()).Fault,
        ConfirmRequest m => RequestParser.Confirm(m, Fields()).Fault,
        RetireRequest m => RequestParser.Retire(m, Fields()).Fault,
        DeleteRequest m => RequestParser.Delete(m, Fields()).Fault,
        _ => throw new ArgumentOutOfRangeException(nameof(message)),
    };

    private static ByteString Bytes(int length) => ByteString.CopyFrom(new byte[length]);
}
