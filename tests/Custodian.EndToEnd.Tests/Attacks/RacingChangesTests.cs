using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Custodian.Testing;
using Google.Protobuf;
using Grpc.Core;
using Xunit.Abstractions;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// Two devices change the secret at once, with one node between them that tells each what it likes: a secret that was promised stays good,
/// and there is always one that recovers.
/// </summary>
[Collection(AttackedNodes.Collection)]
public sealed class RacingChangesTests(AttackedNodes nodes, ITestOutputHelper output)
{
    private const int Liar = 2;

    /// <summary>As many races as it may take until some device is promised something.</summary>
    private const int Enough = 40;

    /// <summary>How the node treats a call.</summary>
    private enum Treatment
    {
        Honest,
        AnswerLost,
        Refused,
        AcknowledgedWithoutDoing,
        ShowsNothing,
    }

    private Realm Realm => nodes.Realm;

    [Fact]
    public async Task ChangeSecret_TwoDevicesAtOnceAndOneLiarBetween_ASecretThatWasPromisedRecovers()
    {
        int promises = 0;
        for (int round = 0; round < Effort.Times(4, 60) || (promises == 0 && round < Enough); round++)
        {
            List<string> script = [$"seed {Effort.Seed}, round {round}"];
            try
            {
                promises += await RaceAsync(round, script);
            }
            catch (Exception failure)
            {
                Assert.Fail($"{string.Join('\n', script)}\n{failure}");
            }

            output.WriteLine(script[^1]);
        }

        Assert.True(promises > 0, "no device was promised anything: nothing is shown");
    }

    /// <summary>Races; how many of the two devices were told that their secret is in effect.</summary>
    private async Task<int> RaceAsync(int round, List<string> script)
    {
        await using LyingNode front = await LyingNode.StartAsync(Realm, Realm.Nodes[Liar]);
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        enrolled.Dispose();
        var draws = new Draws($"a race of changes, round {round}");
        front.Add((call, next) => TreatAsync(call, next, draws, script));

        bool[] promised = await Task.WhenAll(ChangeAsync(subject, "of the first device"), ChangeAsync(subject, "of the second device"));
        front.BeHonest();
        string? opens = await FirstThatOpensAsync(subject, ["of the first device", "of the second device", AttackedNodes.Secret]);

        script.Add($"round {round}: promised {string.Join(" and ", promised)}, the secret that opens it is {opens ?? "none"}");
        string[] good = promised switch
        {
            [true, true] => ["of the first device", "of the second device"],
            [true, false] => ["of the first device"],
            [false, true] => ["of the second device"],
            _ => ["of the first device", "of the second device", AttackedNodes.Secret],
        };
        Assert.Contains(opens, good);
        return promised.Count(p => p);
    }

    /// <summary>Changes the secret; true when the device was told that the new one is in effect.</summary>
    private async Task<bool> ChangeAsync(string subject, string secret)
    {
        await using CustodianClient device = Realm.Client(subject, o => (o.AllowPartialEnrolment, o.RetryDelay) = (true, TimeSpan.Zero));
        try
        {
            using EnrollResult changed = await device.ChangeSecretAsync(AttackedNodes.Secret, secret);
            return changed.IsInEffect;
        }
        catch (CustodyException)
        {
            return false;
        }
    }

    private async Task<string?> FirstThatOpensAsync(string subject, string[] secrets)
    {
        foreach (string secret in secrets)
        {
            await using CustodianClient device = Realm.Client(subject);
            try
            {
                using RecoverResult recovered = await device.RecoverAsync(secret);
                Assert.True(recovered.PrivateKey.FixedTimeEquals(AttackedNodes.Key), "another key came back");
                return secret;
            }
            catch (WrongSecretException)
            {
                // Not this one; the next.
            }
        }

        return null;
    }

    private static async Task<byte[]> TreatAsync(LyingCall call, Func<Task<byte[]>> next, Draws draws, List<string> script)
    {
        Treatment treatment = draws.Pick(Enum.GetValues<Treatment>());
        lock (script)
        {
            script.Add($"{call.Method} {call.Number}: {treatment}");
        }

        return treatment switch
        {
            Treatment.AnswerLost => await LoseAsync(next),
            Treatment.Refused => throw new RpcException(new Grpc.Core.Status(StatusCode.PermissionDenied, "no")),
            Treatment.AcknowledgedWithoutDoing when Acknowledge(call.Method) is { } answer => answer.ToByteArray(),
            Treatment.ShowsNothing when call.Method == CustodyMethod.Describe => Empty(await next()),
            _ => await next(),
        };
    }

    private static async Task<byte[]> LoseAsync(Func<Task<byte[]>> next)
    {
        await next();
        throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "gone"));
    }

    private static IMessage? Acknowledge(CustodyMethod method) => method switch
    {
        CustodyMethod.Deposit => new DepositResponse { State = WireState.Pending },
        CustodyMethod.Activate => new ActivateResponse { State = WireState.Active },
        CustodyMethod.Confirm => new ConfirmResponse { State = WireState.Active, AttemptsRemaining = 10 },
        CustodyMethod.Retire => new RetireResponse(),
        CustodyMethod.Delete => new DeleteResponse(),
        _ => null,
    };

    private static byte[] Empty(byte[] described)
    {
        DescribeResponse answer = DescribeResponse.Parser.ParseFrom(described);
        answer.Records.Clear();
        return answer.ToByteArray();
    }
}
