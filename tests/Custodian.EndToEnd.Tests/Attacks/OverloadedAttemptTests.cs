using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// The same attempt sent many times at once while the HSM has no room: some are answered, some turned away, and an answer and its charge
/// cannot be had apart.
/// </summary>
public sealed class OverloadedAttemptTests(ITestOutputHelper output)
{
    private const int Max = 100;
    private const int Rounds = 8;
    private const int Copies = 24;

    [Fact]
    public async Task Evaluate_SameAttemptManyTimesWhileTheHsmIsFull_IsChargedOnceIfItIsEverAnswered()
    {
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await node.StopAsync();

        // The HSM is what turns away, and no rate.
        await node.StartAsync("hsm:sessions=1", "hsm:wait_ms=1", "hsm:max_waiting=1", "limits:account_rate=0", "limits:address_rate=0");
        using var caller = new RawCaller(node.Address, realm.CaFile, () => realm.Issuer.TokenFor(node.NodeId, "thief"));
        using SoloRecord record = await SoloRecord.EnrolAsync(caller, realm.SetId, node.NodeId, realm.Issuer.Name, "thief", maxAttempts: Max);
        int answered = 0, turnedAway = 0, rounds = 0;

        // How full the HSM is is the machine's affair, so it goes on until somebody was turned away.
        for (; rounds < Rounds || (turnedAway == 0 && rounds < Max); rounds++)
        {
            SoloRecord.Attempt attempt = record.NewAttempt();
            Task[] others = [.. Enumerable.Range(0, 3 * Copies).Select(_ => PrepareAsync(realm, caller, attempt))];
            (string Reason, ulong Sequence)[] outcomes =
                await Task.WhenAll(Enumerable.Range(0, Copies).Select(_ => OutcomeAsync(record, attempt)));
            await Task.WhenAll(others);
            ulong[] sequences = [.. outcomes.Where(o => o.Reason == "OK").Select(o => o.Sequence)];
            answered += sequences.Length > 0 ? 1 : 0;
            turnedAway += outcomes.Count(o => o.Reason == "OVERLOADED");

            Assert.All(outcomes, o => Assert.Contains(o.Reason, new[] { "OK", "OVERLOADED" }));
            Assert.True(sequences.Distinct().Count() <= 1, "one attempt was charged twice");
            Assert.Equal((uint)answered, (await record.StatusAsync()).AttemptsUsed);
        }

        output.WriteLine($"{rounds} attempts, each sent {Copies} times: {answered} were answered, {turnedAway} calls were turned away");
        Assert.True(turnedAway > 0, "the HSM was never full");
    }

    /// <summary>Work for the HSM that costs no attempt.</summary>
    private static async Task PrepareAsync(Realm realm, RawCaller caller, SoloRecord.Attempt attempt)
    {
        try
        {
            var request = new PrepareRequest
            {
                RecordId = ByteString.CopyFrom(RecordId.Draw().ToArray()), Blinded = attempt.Blinded.Bytes, SetId = realm.SetId,
            };
            await caller.Client.PrepareAsync(request, caller.Headers);
        }
        catch (RpcException refused)
        {
            Assert.Equal("OVERLOADED", WireRefusal.Of(refused).Reason);
        }
    }

    private static async Task<(string Reason, ulong Sequence)> OutcomeAsync(SoloRecord record, SoloRecord.Attempt attempt)
    {
        try
        {
            return ("OK", (await record.EvaluateAsync(attempt)).Sequence);
        }
        catch (RpcException refused)
        {
            return (WireRefusal.Of(refused).Reason, 0);
        }
    }
}
