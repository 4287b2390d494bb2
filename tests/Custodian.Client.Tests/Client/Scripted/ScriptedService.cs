using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Custodian.Client.Tests;

/// <summary>The gRPC face of a <see cref="ScriptedNode"/>.</summary>
internal sealed class ScriptedService(ScriptedNode node) : Custody.CustodyBase
{
    private readonly NodeRules _rules = node.Rules;

    public override Task<PrepareResponse> Prepare(PrepareRequest request, ServerCallContext context) =>
        Answer("Prepare", context, _ => _rules.Prepare(request), node.Script.Prepare);

    public override Task<DepositResponse> Deposit(DepositRequest request, ServerCallContext context) =>
        Answer("Deposit", context, account => _rules.Deposit(account, request), _ => { });

    public override Task<ActivateResponse> Activate(ActivateRequest request, ServerCallContext context) =>
        Answer("Activate", context, account => _rules.Activate(account, request), node.Script.Activate);

    public override Task<DescribeResponse> Describe(DescribeRequest request, ServerCallContext context) =>
        Answer("Describe", context, _rules.Describe, node.Script.Describe);

    public override Task<EvaluateResponse> Evaluate(EvaluateRequest request, ServerCallContext context) =>
        Answer("Evaluate", context, account => _rules.Evaluate(account, request), answer => node.Script.Evaluate(request, answer));

    public override Task<ConfirmResponse> Confirm(ConfirmRequest request, ServerCallContext context) =>
        Answer("Confirm", context, account => _rules.Confirm(account, request), node.Script.Confirm);

    public override Task<RetireResponse> Retire(RetireRequest request, ServerCallContext context) =>
        Answer("Retire", context, account => _rules.Retire(account, request), _ => { });

    public override Task<DeleteResponse> Delete(DeleteRequest request, ServerCallContext context) =>
        Answer("Delete", context, account => _rules.Delete(account, request), _ => { });

    private async Task<T> Answer<T>(string method, ServerCallContext context, Func<AccountId, T> honest, Action<T> lie)
    {
        node.Script.Calls.Enqueue(method);
        await node.Script.Before(method, context.CancellationToken);
        T answer = honest(Caller(context));
        lie(answer);
        await node.Script.After(method);
        if (node.Script.LosesAnswer(method))
        {
            context.GetHttpContext().Abort();
        }

        return answer;
    }

    private AccountId Caller(ServerCallContext context)
    {
        string token = context.RequestHeaders.GetValue("authorization")?["Bearer ".Length..] ?? "";
        TestTokens.Claims? claims = TestTokens.Read(token);
        return claims?.Audience == node.Id.Value
            ? AccountId.Derive(node.Set, claims.Issuer, claims.Subject)
            : throw RefusedCall.Because(RefusalReason.TokenRejected);
    }
}
