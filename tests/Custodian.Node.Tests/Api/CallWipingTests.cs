using Custodian.Core;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.Node.Tests.Api;

/// <summary>What a call leaves in memory: nothing of what the HSM gave and nothing of the request's bytes.</summary>
public sealed class CallWipingTests(TestNode node) : IClassFixture<TestNode>, IDisposable
{
    public void Dispose() => Assert.Empty(node.Log.TakeWarnings());

    [Fact]
    public async Task Evaluate_Answered_LeavesZerosInTheHsmsArrays()
    {
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();

        EvaluateResponse answer = await user.EvaluateAsync(record, AttemptId.Draw());

        Assert.Contains(answer.Evaluated, b => b != 0);
        Assert.Contains(answer.MaskedShare, b => b != 0);
        await Eventually.HoldsAsync(() => SecretsAreZero(2));
    }

    [Fact]
    public async Task Prepare_Answered_LeavesZerosInTheHsmsArray()
    {
        TestUser user = node.NewUser();

        PrepareResponse answer = await user.Node.PrepareAsync(user.NewRecord().Prepare(), user.Token);

        Assert.Contains(answer.Evaluated, b => b != 0);
        await Eventually.HoldsAsync(() => SecretsAreZero(1));
    }

    [Fact]
    public async Task Evaluate_CallerGoneBeforeTheAnswer_LeavesZerosInTheHsmsArrays()
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
        stall.LetGo();

        await Eventually.HoldsAsync(() => SecretsAreZero(2));
    }

    [Fact]
    public async Task Call_Ended_LeavesZerosInTheRequestsBytes()
    {
        TestUser user = node.NewUser();
        PrepareRequest request = user.NewRecord().Prepare();

        await user.Node.PrepareAsync(request, user.Token);

        Assert.Equal(request.ToByteArray(), node.Tap.AsSent);
        Assert.Equal(new byte[request.CalculateSize()], node.Tap.Latest);
    }

    private bool SecretsAreZero(int count) =>
        node.Hsm.LatestSecrets.Count == count && node.Hsm.LatestSecrets.All(secret => secret.Length == 32 && !secret.AsSpan().ContainsAnyExcept((byte)0));
}
