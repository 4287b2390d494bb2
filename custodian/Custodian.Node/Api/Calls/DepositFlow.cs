using Custodian.Core;
using Custodian.Node.Api.Rates;
using Custodian.Node.Api.Requests;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Api.Calls;

/// <summary>
/// Deposit (protocol.md section 11). What can be refused is refused before the HSM is asked, since its time is the scarcest here; the
/// rule is then asked again inside the transaction, since the account may have changed meanwhile. A crash before the commit leaves
/// nothing, and the client sends the Deposit again; one after it leaves the record, and the resend is answered with its state.
/// </summary>
internal sealed class DepositFlow(
    NodeProfile profile, IHsm hsm, HsmLine line, IAccountStore store, HsmContext context, ApiMetrics metrics, TimeProvider time)
{
    internal async Task<Outcome<DepositResponse>> ExecuteAsync(Parsed<SealedDeposit> request, CallScope scope)
    {
        AccountId account = request.Account;
        Deposit deposit = request.Call!.Deposit;
        if (Screen(await store.ReadAsync(account, scope.Waiting), account, deposit) is { } settled)
        {
            return settled;
        }

        using HsmPlace? place = await line.EnterAsync(account, scope.Waiting);
        if (place is null)
        {
            return Overload.Refusal;
        }

        AdoptedKey adopted = await AdoptAsync(place.Admission, account, request.Call);
        if (adopted.SealedRecord is not { } sealedPart)
        {
            return new Refusal(RefusalReason.SealedKeyRejected);
        }

        return Answer(await store.DecideAsync(
            account, now => DepositRule.Decide(now, deposit, sealedPart, account, profile.Node, NowMs()), scope.Waiting));
    }

    /// <summary>The answer or refusal that needs no HSM, or null.</summary>
    private Outcome<DepositResponse>? Screen(Account stored, AccountId account, Deposit deposit)
    {
        if (DepositRule.Known(stored, deposit) is { } known)
        {
            return Answer(known);
        }

        Refusal? refusal = DepositRule.Verify(deposit, account, profile.Node)
            ?? DepositRule.Check(stored, deposit, account, profile.Node, NowMs());
        return refusal is null ? null : new Outcome<DepositResponse>?(refusal);
    }

    private Task<AdoptedKey> AdoptAsync(HsmAdmission admission, AccountId account, SealedDeposit call)
    {
        RecordId record = call.Deposit.Header.RecordId;
        return metrics.TimeHsmAsync("adopt", () => hsm.AdoptAsync(
            admission,
            call.SealedKey,
            NowMs(),
            context.OfPrepare(account, record),
            call.Deposit.MaskedShare,
            context.OfRecord(account, record)));
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();

    private static Outcome<DepositResponse> Answer(Decision<StateAnswer> decision) =>
        decision.Refusal is { } refusal ? refusal : new DepositResponse { State = decision.Answer!.State };
}
