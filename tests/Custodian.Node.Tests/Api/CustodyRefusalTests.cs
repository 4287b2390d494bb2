using Custodian.Core;
using Custodian.Node.Api;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.Node.Tests.Api;

/// <summary>Refusals as a caller sees them: which reason, which field, and that nothing was stored, charged or logged.</summary>
public sealed class CustodyRefusalTests(TestNode node) : IClassFixture<TestNode>, IDisposable
{
    private static readonly string[] Methods = ["Prepare", "Deposit", "Activate", "Describe", "Evaluate", "Confirm", "Retire", "Delete"];

    public static TheoryData<string> AllMethods => [.. Methods];

    public void Dispose() => Assert.Empty(node.Log.TakeWarnings());

    [Theory]
    [MemberData(nameof(AllMethods))]
    public async Task Call_BytesThatAreNotTheMessage_IsInvalidRequest(string method)
    {
        TestUser user = node.NewUser();
        byte[][] hostile =
        [
            [0xff, 0xff, 0xff],
            [0x0a, 0x7f],
            [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
            [0x07],
            [0x00],
        ];
        foreach (byte[] bytes in hostile)
        {
            Refused refused = await Refused.ByAsync(RawCall(user, method, bytes));

            Assert.Equal(("INVALID_REQUEST", "request"), (refused.Reason, refused.Field));
        }
    }

    [Theory]
    [MemberData(nameof(AllMethods))]
    public async Task Call_SetIdThatIsNoUtf8_NamesTheField(string method)
    {
        Refused refused = await Refused.ByAsync(RawCall(node.NewUser(), method, [0x7a, 0x02, 0xc3, 0x28]));

        Assert.Equal(("INVALID_REQUEST", "set_id"), (refused.Reason, refused.Field));
    }

    [Theory]
    [MemberData(nameof(AllMethods))]
    public async Task Call_MutatedRequest_IsAnsweredOrRefusedButNeverAFault(string method)
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync(maxAttempts: 100);
        byte[] valid = RequestFaults.Valid(method, record).ToByteArray();
        foreach (byte[] mutated in Mutants.Of(valid, Effort.Times(200, 2_000), $"requests of {method}"))
        {
            StatusCode status = await StatusOfAsync(RawCall(user, method, mutated));

            Assert.True(
                status is not (StatusCode.Internal or StatusCode.Unknown or StatusCode.Unavailable),
                $"seed {Effort.Seed}: {method} answered {status} to {Convert.ToHexString(mutated)}");
        }
    }

    [Theory]
    [MemberData(nameof(AllMethods))]
    public async Task Call_WithoutToken_IsTokenRejected(string method)
    {
        Refused refused = await Refused.ByAsync(RawCall(node.NewUser(), method, [], []));

        Assert.Equal(("TOKEN_REJECTED", StatusCode.Unauthenticated), (refused.Reason, refused.Status));
    }

    [Theory]
    [MemberData(nameof(AllMethods))]
    public async Task Call_TokenWithoutScope_IsScopeMissing(string method)
    {
        Refused refused = await Refused.ByAsync(
            RawCall(node.NewUser(), method, [], new Metadata { { "authorization", $"Bearer {TestAccess.WithoutScope}" } }));

        Assert.Equal(("SCOPE_MISSING", StatusCode.PermissionDenied), (refused.Reason, refused.Status));
    }

    [Fact]
    public async Task Call_TokenRejected_IsCheckedBeforeTheRequest()
    {
        Refused refused = await Refused.ByAsync(RawCall(node.NewUser(), "Prepare", [0xff, 0xff], []));

        Assert.Equal("TOKEN_REJECTED", refused.Reason);
    }

    [Fact]
    public async Task Call_EveryFieldOutsideItsForm_IsNamedAndNothingIsStoredChargedOrLogged()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        DescribeResponse before = await user.DescribeAsync();
        foreach (RequestFault fault in RequestFaults.All.Where(f => f.Field != "header.account_id"))
        {
            byte[] request = OwnedBy(user, fault.Message).ToByteArray();

            Refused refused = await Refused.ByAsync(RawCall(user, fault.Method, request));

            Assert.Equal((fault.ToString(), "INVALID_REQUEST", fault.Field), (fault.ToString(), refused.Reason, refused.Field));
            Assert.Contains(node.Log.Lines, l => l.Contains(refused.RequestId, StringComparison.Ordinal));
            Assert.DoesNotContain(node.Log.Lines, l => Holds(l, request));
            node.Log.TakeWarnings();
        }

        Assert.Equal(before, await user.DescribeAsync());
        Assert.Equal([AuditKind.Deposited, AuditKind.Activated], await user.AuditedAsync());
        Assert.Equal(4U, (await user.EvaluateAsync(record, AttemptId.Draw())).AttemptsRemaining);
    }

    [Fact]
    public async Task Deposit_HeaderOfAnotherAccount_IsNamed()
    {
        TestUser user = node.NewUser();

        Refused refused = await Refused.ByAsync(
            user.Node.DepositAsync(new ClientRecord(1).DepositMessage(ByteString.CopyFrom(1)), user.Token));

        Assert.Equal(("INVALID_REQUEST", "header.account_id"), (refused.Reason, refused.Field));
        Assert.Empty(await user.AuditedAsync());
    }

    [Fact]
    public async Task Deposit_SealedKeyOfAnythingElse_IsSealedKeyRejected()
    {
        TestUser user = node.NewUser();
        TestUser stranger = node.NewUser();
        ClientRecord record = user.NewRecord();
        PrepareResponse own = await user.Node.PrepareAsync(record.Prepare(), user.Token);
        PrepareResponse otherRecord = await user.Node.PrepareAsync(user.NewRecord().Prepare(), user.Token);
        PrepareResponse otherAccount = await stranger.Node.PrepareAsync(record.Prepare(), stranger.Token);
        byte[] altered = own.SealedKey.ToByteArray();
        altered[^1] ^= 1;
        ByteString[] wrong =
        [
            otherRecord.SealedKey, otherAccount.SealedKey, ByteString.CopyFrom(altered), ByteString.CopyFrom(new byte[1024]), ByteString.CopyFrom(7),
        ];
        foreach (ByteString sealedKey in wrong)
        {
            Refused refused = await Refused.ByAsync(user.Node.DepositAsync(record.DepositMessage(sealedKey), user.Token));

            Assert.Equal(("SEALED_KEY_REJECTED", StatusCode.PermissionDenied), (refused.Reason, refused.Status));
        }

        Assert.Empty(await user.AuditedAsync());
        Assert.Equal(RecordState.Pending, (await user.Node.DepositAsync(record.DepositMessage(own.SealedKey), user.Token)).State);
    }

    [Fact]
    public async Task Deposit_SealedKeyOlderThanAQuarterOfAnHour_IsSealedKeyRejected()
    {
        TestUser user = node.NewUser();
        ClientRecord record = user.NewRecord();
        PrepareResponse prepared = await user.Node.PrepareAsync(record.Prepare(), user.Token);
        node.Clock.Advance(TimeSpan.FromMinutes(15));

        Refused refused = await Refused.ByAsync(user.Node.DepositAsync(record.DepositMessage(prepared.SealedKey), user.Token));

        Assert.Equal("SEALED_KEY_REJECTED", refused.Reason);
    }

    [Fact]
    public async Task Deposit_PendingInTheWay_SaysWhenToComeAgain()
    {
        TestUser user = node.NewUser();
        ClientRecord pending = await user.DepositAsync();
        ClientRecord next = user.NewRecord(2);
        PrepareResponse prepared = await user.Node.PrepareAsync(next.Prepare(), user.Token);
        DepositRequest deposit = next.DepositMessage(prepared.SealedKey, replacesPending: pending.Id);

        Refused refused = await Refused.ByAsync(user.Node.DepositAsync(deposit, user.Token));
        node.Clock.Advance(refused.RetryAfter!.Value);

        Assert.Equal(("PENDING_EXISTS", StatusCode.Aborted), (refused.Reason, refused.Status));
        Assert.Equal(RecordState.Pending, (await user.Node.DepositAsync(deposit, user.Token)).State);
        Assert.Null((await user.StoredAsync()).Find(pending.Id));
    }

    [Fact]
    public async Task Deposit_EnvelopeThatIsNotTheHeaders_IsNamed()
    {
        TestUser user = node.NewUser();
        ClientRecord record = user.NewRecord();
        PrepareResponse prepared = await user.Node.PrepareAsync(record.Prepare(), user.Token);
        DepositRequest deposit = record.DepositMessage(prepared.SealedKey);
        deposit.Envelope = ByteString.CopyFrom(new byte[285]);

        Refused refused = await Refused.ByAsync(user.Node.DepositAsync(deposit, user.Token));

        Assert.Equal(("INVALID_REQUEST", "envelope"), (refused.Reason, refused.Field));
    }

    [Fact]
    public async Task Deposit_LargestEnvelope_IsStoredAndAnswered()
    {
        TestUser user = node.NewUser();
        ClientRecord record = new(1, account: user.Account, envelopeSize: 65536);
        PrepareResponse prepared = await user.Node.PrepareAsync(record.Prepare(), user.Token);
        await user.Node.DepositAsync(record.DepositMessage(prepared.SealedKey), user.Token);

        Assert.Equal(record.Envelope, (await user.EvaluateAsync(record, AttemptId.Draw())).Envelope.ToByteArray());
    }

    [Fact]
    public async Task Call_MessageBeyondTheLimit_IsInvalidRequest()
    {
        Refused refused = await Refused.ByAsync(RawCall(node.NewUser(), "Deposit", new byte[129 * 1024]));

        Assert.Equal(("INVALID_REQUEST", "request"), (refused.Reason, refused.Field));
    }

    [Fact]
    public async Task Call_Answered_CarriesARequestIdOfItsOwn()
    {
        TestUser user = node.NewUser();
        AsyncUnaryCall<DescribeResponse> first = user.Node.DescribeAsync(ClientRequests.Describe(), user.Token);
        AsyncUnaryCall<DescribeResponse> second = user.Node.DescribeAsync(ClientRequests.Describe(), user.Token);
        await first;
        await second;

        Assert.Matches("^[0-9a-f]{16}$", first.GetTrailers().GetValue("x-request-id"));
        Assert.NotEqual(first.GetTrailers().GetValue("x-request-id"), second.GetTrailers().GetValue("x-request-id"));
    }

    /// <summary>A call with any bytes as its request.</summary>
    private static AsyncUnaryCall<byte[]> RawCall(TestUser user, string method, byte[] request, Metadata? headers = null)
    {
        var bytes = Marshallers.Create<byte[]>((b, context) => context.Complete(b), context => context.PayloadAsNewBuffer());
        var raw = new Method<byte[], byte[]>(MethodType.Unary, CustodyService.FullName, method, bytes, bytes);
        return user.Channel.CreateCallInvoker().AsyncUnaryCall(raw, null, new CallOptions(headers ?? user.Token), request);
    }

    private static async Task<StatusCode> StatusOfAsync(AsyncUnaryCall<byte[]> call)
    {
        try
        {
            await call;
            return StatusCode.OK;
        }
        catch (RpcException refused)
        {
            return refused.StatusCode;
        }
    }

    /// <summary>The same request, with the header's account made the user's where the fault is another.</summary>
    private static IMessage OwnedBy(TestUser user, IMessage message)
    {
        if (message is not DepositRequest deposit)
        {
            return message;
        }

        DepositRequest own = deposit.Clone();
        own.Header = Readdress(deposit.Header, user.Account);
        return own;
    }

    private static ByteString Readdress(ByteString header, AccountId account)
    {
        try
        {
            RecordHeader parsed = RecordHeader.Parser.ParseFrom(header);
            bool canonical = parsed.ToByteString().Equals(header) && parsed.AccountId.Length == AccountId.Size;
            parsed.AccountId = ByteString.CopyFrom(account.ToArray());
            return canonical ? parsed.ToByteString() : header;
        }
        catch (InvalidProtocolBufferException)
        {
            return header;
        }
    }

    /// <summary>Whether a log line shows a piece of the request, as text, base64 or hexadecimal.</summary>
    private static bool Holds(string line, byte[] request)
    {
        if (request.Length < 12)
        {
            return false;
        }

        byte[] piece = request[^12..];
        return line.Contains(Convert.ToHexString(piece), StringComparison.OrdinalIgnoreCase)
            || line.Contains(Convert.ToBase64String(request), StringComparison.Ordinal);
    }
}
