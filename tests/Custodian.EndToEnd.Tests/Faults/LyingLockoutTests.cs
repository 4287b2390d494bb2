using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>The sixth failure of the closest system: one node that lied could tell a user that the record was locked. Here the others decide.</summary>
[Collection(FaultyNodes.Collection)]
public sealed class LyingLockoutTests(FaultyNodes faulty)
{
    private const string Secret = "four words make sense";

    private Realm Realm => faulty.Realm;

    /// <summary>Each way in which a node can speak of a lockout.</summary>
    public static TheoryData<string> Lies => ["describe exhausted", "describe delayed", "evaluate exhausted", "evaluate delayed", "evaluate none left"];

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task Recover_OneNodeSpeaksOfALockout_RecoversAndReportsNone(string lie)
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        await using LyingNode liar = await LyingNode.StartAsync(Realm, Realm.Nodes[4]);
        Tell(liar, lie);
        await using CustodianClient device = Realm.Client(subject);

        using RecoverySession session = await device.PrepareRecoveryAsync();
        Assert.Equal((10, TimeSpan.Zero), (session.AttemptsLeft, session.Delay));
        WrongSecretException wrong = await Assert.ThrowsAsync<WrongSecretException>(() => session.RecoverAsync("not it"));
        using RecoverResult recovered = await session.RecoverAsync(Secret);

        Assert.Equal((9, TimeSpan.Zero), (wrong.AttemptsLeft, wrong.Delay));
        Assert.NotEmpty(liar.Calls);
    }

    private static void Tell(LyingNode liar, string lie)
    {
        switch (lie)
        {
            case "describe exhausted":
                liar.Alter<DescribeResponse>(answer => EachRecord(answer, r => (r.AttemptsUsed, r.AttemptsRemaining) = (10, 0)));
                break;
            case "describe delayed":
                liar.Alter<DescribeResponse>(answer => EachRecord(answer, r => r.RetryAfterMs = long.MaxValue));
                break;
            case "evaluate exhausted":
                liar.Refuse(CustodyMethod.Evaluate, Refusal(RefusalReason.AttemptsExhausted, null));
                break;
            case "evaluate delayed":
                liar.Refuse(CustodyMethod.Evaluate, Refusal(RefusalReason.Delayed, TimeSpan.FromDays(3650)));
                break;
            default:
                liar.Alter<EvaluateResponse>(answer => answer.AttemptsRemaining = 0);
                break;
        }
    }

    private static void EachRecord(DescribeResponse answer, Action<RecordStatus> change)
    {
        foreach (RecordStatus record in answer.Records)
        {
            change(record);
        }
    }

    /// <summary>A refusal as a node would word it (protocol.md section 13).</summary>
    private static RpcException Refusal(RefusalReason reason, TimeSpan? wait)
    {
        var status = new Protocol.Wire.Status { Code = reason.StatusCode() };
        status.Details.Add(Any.Pack(new ErrorInfo { Reason = reason.WireName(), Domain = Refusals.Domain }));
        if (wait is { } delay)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) }));
        }

        var trailers = new Metadata { { "grpc-status-details-bin", status.ToByteArray() } };
        return new RpcException(new Grpc.Core.Status((StatusCode)reason.StatusCode(), "a lie"), trailers);
    }
}
