using Custodian.Core;
using Custodian.Node.Api.Rates;
using Custodian.Node.Api.Requests;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Api.Calls;

/// <summary>
/// Evaluate (protocol.md section 11): admission, charge, HSM, answer. The charge is durable before the HSM is asked, so that no crash and
/// no cancelled call gives anyone a free guess; from the charge on nothing but a failing HSM stops the operation.
/// </summary>
internal sealed class EvaluateFlow(
    NodeProfile profile, IHsm hsm, HsmLine line, IAccountStore store, HsmContext context, ApiMetrics metrics, TimeProvider time,
    ILogger<EvaluateFlow> logger)
{
    internal async Task<Outcome<EvaluateResponse>> ExecuteAsync(Parsed<PointedEvaluate> request, CallScope scope)
    {
        if (store.AwaitsAcceptance)
        {
            // The database is a copy: what it forgot could be a guess. The operator's word for that comes before anybody's attempt.
            return new Refusal(RefusalReason.StorageUnavailable);
        }

        using HsmPlace? place = await line.EnterAsync(request.Account, scope.Waiting);
        if (place is null)
        {
            return Overload.Refusal;
        }

        EvaluateCall call = request.Call!.Call;
        Decision<EvaluateGrant> decision = await store.DecideAsync(
            request.Account, now => EvaluateRule.Decide(now, call, profile.Attempts, NowMs()), scope.Waiting);
        if (decision.Answer is not { } grant)
        {
            return decision.Refusal!;
        }

        // A crash from here on leaves the charge; the same attempt sent again is answered without another.
        return await AnswerAsync(place.Admission, request, grant, scope);
    }

    private async Task<Outcome<EvaluateResponse>> AnswerAsync(
        HsmAdmission admission, Parsed<PointedEvaluate> request, EvaluateGrant grant, CallScope scope)
    {
        byte[] aad = context.OfRecord(request.Account, grant.Record.Id);
        try
        {
            Evaluation evaluation = await metrics.TimeHsmAsync(
                "evaluate", () => hsm.EvaluateAsync(admission, grant.Record.SealedPart, aad, request.Call!.Point));
            return Answer(evaluation, grant, scope);
        }
        catch (HsmException failure)
        {
            await RefundAsync(failure, request, grant, scope);
            return new Refusal(RefusalReason.HsmUnavailable);
        }
    }

    /// <summary>
    /// Takes the charge back, for the HSM has said that it gave nothing. Not bound to the caller: whether they still wait has no part in
    /// it. A crash in here, or a failing database, leaves the charge, and the resend is free. One line of the log has the failure and what
    /// became of the charge.
    /// </summary>
    private async Task RefundAsync(HsmException hsmFailure, Parsed<PointedEvaluate> request, EvaluateGrant grant, CallScope scope)
    {
        EvaluateCall call = request.Call!.Call;
        string why = ApiLog.WordsOf(hsmFailure);
        try
        {
            Decision<StateAnswer> decision = await store.DecidePatientlyAsync(
                request.Account, now => EvaluateRule.Refund(now, call.Record, call.Attempt, grant.Sequence), CancellationToken.None);
            string outcome = decision.Change is null ? "KEPT" : "REFUNDED";
            metrics.Refunded(outcome);
            ApiLog.Refund(logger, hsmFailure.Class, why, outcome, scope.RequestId);
        }
        catch (StorageException failure)
        {
            metrics.Refunded("FAILED");
            ApiLog.RefundFailed(logger, failure, hsmFailure.Class, why, scope.RequestId);
        }
    }

    private static EvaluateResponse Answer(Evaluation evaluation, EvaluateGrant grant, CallScope scope) => new()
    {
        Evaluated = scope.Lend(evaluation.Evaluated),
        MaskedShare = scope.Lend(evaluation.MaskedShare),
        Envelope = UnsafeByteOperations.UnsafeWrap(grant.Record.Envelope),
        AttemptsRemaining = grant.Record.AttemptsRemaining,
        DepositSignature = UnsafeByteOperations.UnsafeWrap(grant.Record.DepositSignature),
        Sequence = grant.Sequence,
    };

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
