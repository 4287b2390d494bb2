using Custodian.Core;
using Custodian.Node.Api.Requests;
using Custodian.Node.Storage;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Api.Calls;

/// <summary>
/// The calls that the HSM has no part in (protocol.md section 11): decide, commit, answer. Each is its own transaction: a crash leaves
/// all of it or nothing, and the same call sent again has no further effect.
/// </summary>
internal sealed class RecordFlow(NodeProfile profile, IAccountStore store)
{
    internal async Task<Outcome<ActivateResponse>> ActivateAsync(Parsed<SignedCall> request, CallScope scope)
    {
        Decision<StateAnswer> decision = await store.DecideAsync(
            request.Account, now => ActivateRule.Decide(now, request.Call!, request.Account, profile.Node), scope.Waiting);
        return Answer(decision, answer => new ActivateResponse { State = answer.State });
    }

    internal async Task<Outcome<ConfirmResponse>> ConfirmAsync(Parsed<ConfirmCall> request, CallScope scope)
    {
        Decision<StateAnswer> decision = await store.DecideAsync(
            request.Account, now => ConfirmRule.Decide(now, request.Call!, request.Account, profile.Node), scope.Waiting);
        return Answer(decision, answer => new ConfirmResponse
        {
            State = answer.State,
            AttemptsRemaining = answer.AttemptsRemaining,
        });
    }

    internal async Task<Outcome<RetireResponse>> RetireAsync(Parsed<SignedCall> request, CallScope scope)
    {
        Decision<StateAnswer> decision = await store.DecideAsync(
            request.Account, now => RetireRule.Decide(now, request.Call!, request.Account, profile.Node), scope.Waiting);
        return Answer(decision, _ => new RetireResponse());
    }

    internal async Task<Outcome<DeleteResponse>> DeleteAsync(Parsed<DeleteCall> request, CallScope scope)
    {
        Decision<StateAnswer> decision = await store.DecideAsync(
            request.Account, now => DeleteRule.Decide(now, request.Call!, request.Account, profile.Node), scope.Waiting);
        return Answer(decision, _ => new DeleteResponse());
    }

    private static Outcome<T> Answer<T>(Decision<StateAnswer> decision, Func<StateAnswer, T> message)
        where T : class => decision.Refusal is { } refusal ? refusal : message(decision.Answer!);
}
