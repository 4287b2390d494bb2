using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.Client.Tests;

/// <summary>Bytes that make a parser throw what it does not promise: they cost the node that sent them its answer, and nobody else anything.</summary>
public sealed class HostileBytesTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);

    public static TheoryData<string> BadDetails => ["1AFFFFFFFF07", "1AFFFFFFFF07120541", "12FFFFFFFF07", "22FEFFFFFF07", "1A7F", "FF"];

    [Theory]
    [MemberData(nameof(BadDetails))]
    public void ReadRefusal_DetailsThatDoNotParse_AreNone(string details) =>
        Assert.Null(FailureReading.ReadRefusal(Refusal(Convert.FromHexString(details))));

    [Theory]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Unavailable)]
    public void Outcome_AnswerThatDoesNotParse_IsFaultyAndNotTriedAgain(StatusCode code)
    {
        InvalidProtocolBufferException garbage = Assert.Throws<InvalidProtocolBufferException>(() => EvaluateResponse.Parser.ParseFrom([0x0A, 0x7F]));
        RpcException failure = new(new Grpc.Core.Status(code, "Failed to deserialize response message.", garbage));

        Assert.Equal(NodeCondition.Faulty, FailureReading.Outcome(failure).Condition);
        Assert.False(FailureReading.IsTransient(failure));
    }

    [Theory]
    [InlineData("Describe")]
    [InlineData("Evaluate")]
    [InlineData("Confirm")]
    public async Task Check_OneNodeRefusesWithBadDetails_DoesWithoutIt(string method)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        set.ExpectedWarnings.Add("node-1 is faulty");
        await set.EnrolAsync(Key, "secret");
        set[0].Script.Refuse(Refusal(Convert.FromHexString("1AFFFFFFFF07")), method);

        CheckResult check = await set.NewClient().CheckAsync("secret").WaitAsync(TimeSpan.FromMinutes(2));

        Assert.Equal(method == "Describe" ? 3 : 2, check.Settlement.Confirmed.Length);
    }

    [Fact]
    public async Task Check_OneNodeAnswersWithNestedGroups_NamesIt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(3, 2);
        set.ExpectedWarnings.Add("node-1 is faulty");
        await set.EnrolAsync(Key, "secret");
        set[0].Script.Evaluate = (_, answer) => answer.MergeFrom(Groups(100));

        CheckResult check = await set.NewClient().CheckAsync("secret").WaitAsync(TimeSpan.FromMinutes(2));

        Assert.Equal([set[0].Id], check.Settlement.Faulty.ToArray());
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(100, false)]
    [InlineData(0, true)]
    public async Task WhyFaulty_Groups_AreReserved(int depth, bool isGood)
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(1, 1);
        await set.EnrolAsync(Key, "secret");
        EvaluateResponse? seen = null;
        set[0].Script.Evaluate = (_, answer) => seen = answer.Clone();
        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");
        await recovered.Settlement;

        Assert.NotNull(seen);
        seen.MergeFrom(Groups(depth));
        string? why = AnswerCheck.WhyFaulty(seen, set.At(0).Records[0].Header, set[0].Id, set.Account);

        Assert.Equal(isGood, why is null);
    }

    [Fact]
    public async Task Call_CancelledAsTheAttemptTimesOut_IsACancellation()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(1, 1);
        CustodianNode node = set.Custodians().Nodes[0];
        using NodeConnection connection = new(
            node,
            new CustodianClientOptions { MaxRetries = 0 },
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        using CancellationTokenSource cancelling = new();

        // The caller's cancellation and the attempt's timeout at the same instant: whichever exception comes, it is the caller's.
        Task<Reply<DescribeResponse>> call = connection.CallAsync<DescribeResponse>(
            (_, _) =>
            {
                cancelling.Cancel();
                throw new Polly.Timeout.TimeoutRejectedException();
            },
            _ => ValueTask.FromResult("token"),
            cancelling.Token);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task Call_LibraryThrowsTheUnexpected_IsAFailureOfThatNode()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(1, 1);
        using NodeConnection connection = new(
            set.Custodians().Nodes[0], new CustodianClientOptions(), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);

        Reply<DescribeResponse> reply = await connection.CallAsync<DescribeResponse>(
            (_, _) => throw new InvalidTimeZoneException(), _ => ValueTask.FromResult("token"), CancellationToken.None);

        Assert.Equal(NodeCondition.Faulty, reply.Outcome.Condition);
    }

    private static RpcException Refusal(byte[] details) => new(
        new Grpc.Core.Status(StatusCode.FailedPrecondition, "refused"), new Metadata { { "grpc-status-details-bin", details } });

    /// <summary>Field 20 as groups inside each other.</summary>
    private static byte[] Groups(int depth) =>
        [.. Enumerable.Repeat<byte[]>([0xA3, 0x01], depth).SelectMany(b => b), .. Enumerable.Repeat<byte[]>([0xA4, 0x01], depth).SelectMany(b => b)];
}
