using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Clients;

/// <summary>After three wrong secrets the nodes make a guesser wait, and the client says how long without spending an attempt.</summary>
public sealed class DelayTests
{
    private const string Secret = "four words make sense";

    [Fact]
    public async Task Recover_AfterThreeWrongSecrets_IsLockedForAWhile()
    {
        await using Realm realm = await Realm.StartAsync(3, firstDelaySeconds: 600);
        string subject = realm.NewSubject();
        await using CustodianClient device = realm.Client(subject);
        (await device.EnrollAsync("a private key"u8, Secret)).Dispose();
        for (int i = 0; i < 3; i++)
        {
            await Assert.ThrowsAsync<WrongSecretException>(() => device.RecoverAsync("not it"));
        }

        LockedException locked = await Assert.ThrowsAsync<LockedException>(() => device.RecoverAsync(Secret));
        ProcessOutcome outcome = await realm.CustodyAsync(subject, Secret, "recover", "--out", realm.NewFile("key"), "--json");

        Assert.False(locked.IsExhausted);
        Assert.Equal(7, locked.AttemptsLeft);
        Assert.InRange(locked.Delay!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(600));
        Expect.ExitCode(4, outcome);
        JsonNode json = JsonNode.Parse(outcome.Output)!;
        Assert.Equal(("locked", 7), ((string?)json["error"], (int)json["attempts_left"]!));
        Assert.InRange((int)json["retry_after_seconds"]!, 1, 600);
        Assert.Equal(7, (await device.DescribeAsync()).AttemptsLeft);
    }
}
