using Custodian.Core;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Records;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Grpc.Core;

namespace Custodian.Node.Tests.Api;

/// <summary>What becomes of a call, and of a charge, when the HSM fails, stalls or is full, and when a caller goes.</summary>
public sealed class CustodyFailureTests(TestNode node) : IClassFixture<TestNode>, IDisposable
{
    private static HsmException Broken => new(HsmErrorClass.Fatal, 0x30, "C_DeriveKey", "secret words of the module");

    public void Dispose() => Assert.Empty(node.Log.TakeWarnings());

    [Fact]
    public async Task Evaluate_HsmFails_TakesTheChargeBack()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        AttemptId attempt = AttemptId.Draw();
        node.Hsm.FailNext(Broken);

        Refused refused = await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(attempt), user.Token));

        Assert.Equal(("HSM_UNAVAILABLE", "HSM_UNAVAILABLE", StatusCode.Unavailable), (refused.Reason, refused.Text, refused.Status));
        Assert.Equal(0U, (await user.DescribeAsync()).Records[0].AttemptsUsed);
        Assert.Equal([AuditKind.Deposited, AuditKind.Activated, AuditKind.Charged, AuditKind.Refunded], await user.AuditedAsync());
        ExpectWarning(refused.RequestId, "REFUNDED", "the HSM failed, Fatal");
        Assert.Equal((2UL, 4U), ((await user.EvaluateAsync(record, attempt)) is var e ? (e.Sequence, e.AttemptsRemaining) : default));
    }

    [Fact]
    public async Task Evaluate_HsmFailsOnAResend_KeepsTheCharge()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        AttemptId attempt = AttemptId.Draw();
        await user.EvaluateAsync(record, attempt);
        node.Hsm.FailNext(Broken);

        Refused refused = await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(attempt), user.Token));

        Assert.Equal("HSM_UNAVAILABLE", refused.Reason);
        Assert.Equal(1U, (await user.DescribeAsync()).Records[0].AttemptsUsed);
        ExpectWarning(refused.RequestId, "KEPT", "the HSM failed, Fatal");
    }

    [Fact]
    public async Task Evaluate_ResentWhileTheFirstFails_KeepsTheCharge()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        AttemptId attempt = AttemptId.Draw();
        Stall stall = node.Hsm.StallEvaluation();
        AsyncUnaryCall<EvaluateResponse> first = user.Node.EvaluateAsync(record.Evaluate(attempt), user.Token);
        await stall.Reached;
        await user.EvaluateAsync(record, attempt);
        node.Hsm.FailNext(Broken);
        stall.LetGo();

        Refused refused = await Refused.ByAsync(first);

        Assert.Equal(1U, (await user.DescribeAsync()).Records[0].AttemptsUsed);
        ExpectWarning(refused.RequestId, "KEPT", "the HSM failed, Fatal");
    }

    [Fact]
    public async Task Evaluate_CallerGoneAfterTheCharge_KeepsTheChargeAndTheResendIsFree()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        AttemptId attempt = AttemptId.Draw();
        Stall stall = node.Hsm.StallEvaluation();
        using var gone = new CancellationTokenSource();
        AsyncUnaryCall<EvaluateResponse> call = user.Node.EvaluateAsync(record.Evaluate(attempt), user.Token, cancellationToken: gone.Token);
        await stall.Reached;
        await gone.CancelAsync();
        RpcException cancelled = await Assert.ThrowsAsync<RpcException>(async () => await call);
        stall.LetGo();

        EvaluateResponse resent = await user.EvaluateAsync(record, attempt);

        Assert.Equal(StatusCode.Cancelled, cancelled.StatusCode);
        Assert.Equal((1UL, 4U), (resent.Sequence, resent.AttemptsRemaining));
        Assert.Equal([AuditKind.Deposited, AuditKind.Activated, AuditKind.Charged, AuditKind.Resent], await user.AuditedAsync());
    }

    [Fact]
    public async Task Evaluate_HsmFailsAfterTheCallerHasGone_TakesTheChargeBack()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        Stall stall = node.Hsm.StallEvaluation();
        using var gone = new CancellationTokenSource();
        AsyncUnaryCall<EvaluateResponse> call =
            user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token, cancellationToken: gone.Token);
        await stall.Reached;
        await gone.CancelAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await call);
        node.Hsm.FailNext(Broken);
        stall.LetGo();

        await Eventually.HoldsAsync(async () => (await user.AuditedAsync())[^1] == AuditKind.Refunded);
        await Eventually.HoldsAsync(() => Task.FromResult(node.Log.Lines.Any(l => l.Contains("the HSM failed, Fatal", StringComparison.Ordinal))));
        Assert.Single(node.Log.TakeWarnings());
    }

    [Fact]
    public async Task Evaluate_CallerGoneBeforeTheCharge_ChargesNothing()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        Stall stall = node.Hsm.StallAdmission();
        using var gone = new CancellationTokenSource();
        AsyncUnaryCall<EvaluateResponse> call =
            user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token, cancellationToken: gone.Token);
        await stall.Reached;
        await gone.CancelAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await call);

        await Eventually.HoldsAsync(() => Task.FromResult(node.Log.Lines.Any(l => l.StartsWith("Evaluate given up", StringComparison.Ordinal))));
        Assert.Equal([AuditKind.Deposited, AuditKind.Activated], await user.AuditedAsync());
    }

    [Fact]
    public async Task Evaluate_WaitsBeyondTheServersLimit_IsOverloadedAndChargesNothing()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        Stall stall = node.Hsm.StallAdmission();
        AsyncUnaryCall<EvaluateResponse> call = user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token);
        await stall.Reached;
        node.Clock.Advance(TimeSpan.FromSeconds(31));

        Refused refused = await Refused.ByAsync(call);

        Assert.Equal(("OVERLOADED", TimeSpan.FromSeconds(1)), (refused.Reason, refused.RetryAfter));
        Assert.Equal(0U, (await user.DescribeAsync()).Records[0].AttemptsUsed);
        ExpectWarning(refused.RequestId, "waited too long");
    }

    [Fact]
    public async Task Call_DeadlineOver_IsDeadlineExceeded()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        node.Hsm.StallAdmission();

        RpcException late = await Assert.ThrowsAsync<RpcException>(async () => await user.Node.EvaluateAsync(
            record.Evaluate(AttemptId.Draw()), user.Token, TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(200)));

        Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);
        Assert.Equal([AuditKind.Deposited, AuditKind.Activated], await user.AuditedAsync());
    }

    [Fact]
    public async Task Hsm_Full_IsOverloadedAndNothingIsStoredOrCharged()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        ClientRecord next = user.NewRecord(2);
        PrepareResponse prepared = await user.Node.PrepareAsync(next.Prepare(), user.Token);
        node.Hsm.IsFull = true;
        Refused[] refused =
        [
            await Refused.ByAsync(user.Node.PrepareAsync(next.Prepare(), user.Token)),
            await Refused.ByAsync(user.Node.DepositAsync(next.DepositMessage(prepared.SealedKey, record), user.Token)),
            await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token)),
        ];
        node.Hsm.IsFull = false;

        Assert.All(refused, r => Assert.Equal(
            ("OVERLOADED", StatusCode.ResourceExhausted, TimeSpan.FromSeconds(1)), (r.Reason, r.Status, r.RetryAfter)));
        Assert.Equal([AuditKind.Deposited, AuditKind.Activated], await user.AuditedAsync());
    }

    [Fact]
    public async Task PrepareAndDeposit_HsmFails_IsHsmUnavailableAndNothingIsStored()
    {
        TestUser user = node.NewUser();
        ClientRecord record = user.NewRecord();
        node.Hsm.FailNext(Broken);
        Refused prepare = await Refused.ByAsync(user.Node.PrepareAsync(record.Prepare(), user.Token));
        PrepareResponse prepared = await user.Node.PrepareAsync(record.Prepare(), user.Token);
        node.Hsm.FailNext(Broken);
        Refused deposit = await Refused.ByAsync(user.Node.DepositAsync(record.DepositMessage(prepared.SealedKey), user.Token));

        Assert.Equal(("HSM_UNAVAILABLE", "HSM_UNAVAILABLE"), (prepare.Reason, deposit.Reason));
        Assert.Empty(await user.AuditedAsync());
        Assert.Equal(2, node.Log.TakeWarnings().Count);
    }

    [Fact]
    public async Task Call_MeetsAFaultOfTheProgram_AnswersInternalWithoutAWordOfIt()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        node.Hsm.FailNext(new InvalidOperationException("secret words"));

        RpcException fault = await Assert.ThrowsAsync<RpcException>(
            async () => await user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token));

        string requestId = fault.Trailers.GetValue("x-request-id")!;
        Assert.Equal(StatusCode.Internal, fault.StatusCode);
        Assert.DoesNotContain("secret words", fault.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "secret words", System.Text.Encoding.UTF8.GetString(fault.Trailers.GetValueBytes("grpc-status-details-bin")!), StringComparison.Ordinal);
        ExpectWarning(requestId, "this program's fault");
    }

    /// <summary>Takes the warnings, which must be one line with the request id and all of this.</summary>
    private void ExpectWarning(string requestId, params string[] texts)
    {
        string warning = Assert.Single(node.Log.TakeWarnings());
        Assert.All(texts.Append(requestId), t => Assert.Contains(t, warning, StringComparison.Ordinal));
    }
}
