using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Clients;

/// <summary>The rest of a record's life with <c>custody</c>: its status, a rehearsal, a new secret, its end.</summary>
[Collection(FiveNodes.Collection)]
public sealed class AccountTests(FiveNodes five)
{
    private const string Secret = "four words make sense";

    private Realm Realm => five.Realm;

    [Fact]
    public async Task ChangeSecret_OldSecretAfterwards_IsWrongAndTheNewOneRight()
    {
        (string subject, string key) = await EnrolAsync();
        string recovered = Realm.NewFile("recovered");

        JsonNode changed = JsonNode.Parse(
            Expect.Success(await Realm.CustodyAsync(subject, $"{Secret}\nfive words make more sense", "change-secret", "--json")).Output)!;
        ProcessOutcome old = await Realm.CustodyAsync(subject, Secret, "recover", "--out", recovered);
        ProcessOutcome next = await Realm.CustodyAsync(subject, "five words make more sense", "recover", "--out", recovered);

        Assert.Equal((true, 2), ((bool)changed["complete"]!, (int)changed["generation"]!));
        Expect.ExitCode(3, old);
        Expect.Success(next);
        Assert.Equal(await File.ReadAllBytesAsync(key), await File.ReadAllBytesAsync(recovered));
    }

    [Fact]
    public async Task ChangeSecret_TwoDevicesAtOnce_KeepsTheKeyUnderASecretThatSomeoneWasTold()
    {
        (string subject, string key) = await EnrolAsync();
        await using CustodianClient first = Realm.Client(subject), second = Realm.Client(subject);

        bool[] changed = await Task.WhenAll(IsChangedAsync(first, "the first device's"), IsChangedAsync(second, "the second device's"));

        // Who was told that the change succeeded has the secret in effect, unless the other one came after; who was refused changed nothing.
        string[] told = [.. new[] { "the first device's", "the second device's" }.Where((_, i) => changed[i])];
        string[] working = await WorkingAsync(subject, key, Secret, "the first device's", "the second device's");
        Assert.NotEmpty(working);
        Assert.True(told.Length == 0 || told.Intersect(working).Any(), $"told {string.Join(", ", told)}, working {string.Join(", ", working)}");
    }

    [Fact]
    public async Task Delete_WithTheSecret_LeavesNothingToFind()
    {
        (string subject, _) = await EnrolAsync();

        ProcessOutcome wrong = await Realm.CustodyAsync(subject, "not it", "delete", "--yes");
        ProcessOutcome deleted = await Realm.CustodyAsync(subject, Secret, "delete", "--yes", "--json");

        Expect.ExitCode(3, wrong);
        Expect.Success(deleted);
        Assert.Equal(5, JsonNode.Parse(deleted.Output)!["empty"]!.AsArray().Count);
        Expect.ExitCode(7, await Realm.CustodyAsync(subject, Secret, "recover", "--out", Realm.NewFile("recovered")));
        Expect.ExitCode(7, await Realm.CustodyAsync(subject, null, "status"));
    }

    [Fact]
    public async Task Delete_WithTheOwnerKey_NeedsNoSecret()
    {
        string owner = Realm.NewFile("owner");
        string subject = Realm.NewSubject();
        Expect.Success(await Realm.CustodyAsync(subject, Secret, "enroll", "--key", Realm.NewKey(), "--owner-key", owner));

        Expect.Success(await Realm.CustodyAsync(subject, null, "delete", "--yes", "--owner-key", owner));

        Expect.ExitCode(7, await Realm.CustodyAsync(subject, null, "status"));
    }

    [Fact]
    public async Task Check_RightAndWrong_SaysSoAndWritesNothing()
    {
        (string subject, _) = await EnrolAsync();

        ProcessOutcome wrong = await Realm.CustodyAsync(subject, "not it", "check");
        ProcessOutcome right = await Realm.CustodyAsync(subject, Secret, "check", "--json");

        Expect.ExitCode(3, wrong);
        Expect.Success(right);
        JsonNode json = JsonNode.Parse(right.Output)!;
        Assert.Equal(5, json["confirmed"]!.AsArray().Count);
        Assert.Equal(1, (int)json["foreign_attempts"]![Realm.Nodes[0].NodeId]!);
    }

    [Fact]
    public async Task Status_OfAnEnrolledKey_SaysWhatEachNodeHolds()
    {
        (string subject, _) = await EnrolAsync();

        ProcessOutcome text = Expect.Success(await Realm.CustodyAsync(subject, null, "status"));
        JsonNode json = JsonNode.Parse(Expect.Success(await Realm.CustodyAsync(subject, null, "status", "--json")).Output)!;

        Assert.All(Realm.Nodes, n => Expect.Says($"{n.NodeId} ({n.Region}): active, 10 attempts left", text));
        Assert.Equal((3, 10), ((int)json["threshold"]!, (int)json["attempts_left"]!));
        Assert.All(Realm.Nodes, n => Assert.Equal("active", (string?)json["nodes"]![n.NodeId]!["records"]![0]!["state"]));
    }

    [Fact]
    public async Task Enroll_Twice_IsAConflict()
    {
        (string subject, string key) = await EnrolAsync();

        ProcessOutcome again = await Realm.CustodyAsync(subject, "another", "enroll", "--key", key);

        Expect.ExitCode(8, again);
        Expect.Success(await Realm.CustodyAsync(subject, Secret, "check"));
    }

    [Fact]
    public async Task Enroll_OneNodeDown_KeepsNothingUnlessAllowed()
    {
        (string subject, string key) = (Realm.NewSubject(), Realm.NewKey());

        await using (await Realm.Nodes[3].DownAsync())
        {
            Expect.ExitCode(5, await Realm.CustodyAsync(subject, Secret, "enroll", "--key", key));
            Expect.ExitCode(7, await Realm.CustodyAsync(subject, null, "status"));
            Expect.Success(await Realm.CustodyAsync(subject, Secret, "enroll", "--key", key, "--allow-missing"));
        }

        Expect.Success(await Realm.CustodyAsync(subject, Secret, "check"));
    }

    private static async Task<bool> IsChangedAsync(CustodianClient device, string secret)
    {
        try
        {
            using EnrollResult changed = await device.ChangeSecretAsync(Secret, secret);
            return true;
        }
        catch (CustodyException)
        {
            return false;
        }
    }

    private async Task<string[]> WorkingAsync(string subject, string key, params string[] secrets)
    {
        List<string> working = [];
        foreach (string secret in secrets)
        {
            await using CustodianClient device = Realm.Client(subject);
            try
            {
                using RecoverResult recovered = await device.RecoverAsync(secret);
                Assert.True(recovered.PrivateKey.FixedTimeEquals(await File.ReadAllBytesAsync(key)));
                working.Add(secret);
            }
            catch (WrongSecretException)
            {
                // Not in effect.
            }
        }

        return [.. working];
    }

    private async Task<(string Subject, string Key)> EnrolAsync()
    {
        (string subject, string key) = (Realm.NewSubject(), Realm.NewKey());
        await Realm.EnrolAsync(subject, Secret, key);
        return (subject, key);
    }
}
