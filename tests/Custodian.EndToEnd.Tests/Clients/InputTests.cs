using System.Text.Json;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Clients;

/// <summary>What <c>custody</c> is given: tokens in each of their ways, secrets and keys that cannot be used.</summary>
[Collection(FiveNodes.Collection)]
public sealed class InputTests(FiveNodes five)
{
    private const string Secret = "four words make sense";
    private const string Tokens = "CUSTODY_TEST_TOKENS";

    private static readonly Dictionary<string, string> Invariant = new() { ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1" };

    private Realm Realm => five.Realm;

    [Fact]
    public async Task Tokens_FromAVariable_AreTaken()
    {
        string subject = await EnrolAsync();
        Dictionary<string, string> environment = new() { [Tokens] = JsonSerializer.Serialize(Realm.TokensFor(subject)) };

        Expect.Success(await Realm.CustodyWithAsync(Secret, environment, "check", "--tokens-env", Tokens));
    }

    [Fact]
    public async Task Tokens_FromACommand_AreAskedForPerNode()
    {
        string subject = await EnrolAsync();
        string pattern = Realm.WriteTokens(subject).Replace("{node_id}", "$CUSTODY_NODE", StringComparison.Ordinal);

        Expect.Success(await Realm.CustodyWithAsync(Secret, null, "check", "--tokens-command", $"cat \"{pattern}\""));
    }

    [Fact]
    public async Task Tokens_Expired_ExitWith6AndSpendNothing()
    {
        string subject = await EnrolAsync();
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        string expired = Realm.WriteTokens(subject, c => (c["iat"], c["exp"]) = (now - 3000, now - 600));

        Expect.ExitCode(6, await Realm.CustodyWithAsync("not it", null, "recover", "--out", Realm.NewFile("key"), "--tokens", expired));
        Expect.ExitCode(6, await Realm.CustodyWithAsync(Secret, null, "enroll", "--key", Realm.NewKey(), "--tokens", expired));
        Expect.ExitCode(6, await Realm.CustodyWithAsync(null, null, "status", "--tokens", expired));
        await AssertAttemptsLeftAsync(10, subject);
    }

    [Fact]
    public async Task Tokens_Missing_ExitWith6()
    {
        string nowhere = Path.Combine(Realm.Folder, "no-such-folder", "{node_id}.jwt");

        ProcessOutcome outcome = await Realm.CustodyWithAsync(Secret, null, "check", "--tokens", nowhere);

        Expect.ExitCode(6, outcome);
        Expect.Says("does not exist", outcome);
    }

    [Fact]
    public async Task Secret_NotAsciiWithoutNormalisation_IsRefusedAndNothingIsSent()
    {
        string asked = Realm.NewFile("asked");

        ProcessOutcome outcome = await Realm.CustodyWithAsync(
            "Ökonomie", Invariant, "enroll", "--key", Realm.NewKey(), "--tokens-command", $"touch '{asked}'; exit 1");

        Expect.ExitCode(2, outcome);
        Expect.Says("cannot normalise", outcome);
        Assert.False(File.Exists(asked), "a token was asked for, so something was about to be sent");
    }

    [Fact]
    public async Task Secret_NotAsciiWithoutNormalisation_CostsNoAttemptToRecover()
    {
        string subject = await EnrolAsync();

        ProcessOutcome outcome = await Realm.CustodyWithAsync(
            "Ökonomie", Invariant, "recover", "--out", Realm.NewFile("key"), "--tokens", Realm.WriteTokens(subject));

        Expect.ExitCode(2, outcome);
        Expect.Says("cannot normalise", outcome);
        await AssertAttemptsLeftAsync(10, subject);
    }

    [Fact]
    public async Task Secret_AsciiWithoutNormalisation_IsTaken()
    {
        string subject = await EnrolAsync();

        Expect.Success(await Realm.CustodyWithAsync(Secret, Invariant, "check", "--tokens", Realm.WriteTokens(subject)));
    }

    [Fact]
    public async Task Secret_OtherFormOfTheSameCharacters_IsTheSameSecret()
    {
        string subject = Realm.NewSubject();
        Expect.Success(await Realm.CustodyAsync(subject, "Cafe\u0301 \ufb01n", "enroll", "--key", Realm.NewKey()));

        Expect.Success(await Realm.CustodyAsync(subject, "Caf\u00e9 fin", "check"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    public async Task Secret_Empty_IsRefusedAndNothingIsSent(string secret)
    {
        string asked = Realm.NewFile("asked");

        ProcessOutcome outcome = await Realm.CustodyWithAsync(
            secret, null, "enroll", "--key", Realm.NewKey(), "--tokens-command", $"touch '{asked}'; exit 1");

        Expect.ExitCode(2, outcome);
        Assert.False(File.Exists(asked), "a token was asked for, so something was about to be sent");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(70 * 1024)]
    public async Task Key_EmptyOrTooLarge_IsRefusedAndNothingIsSent(int length)
    {
        string asked = Realm.NewFile("asked");

        ProcessOutcome outcome = await Realm.CustodyWithAsync(
            Secret, null, "enroll", "--key", Realm.NewKey(length), "--tokens-command", $"touch '{asked}'; exit 1");

        Expect.ExitCode(2, outcome);
        Assert.False(File.Exists(asked), "a token was asked for, so something was about to be sent");
    }

    [Fact]
    public async Task Key_OfSixtyKibibytes_ComesBack()
    {
        (string subject, string key, string recovered) = (Realm.NewSubject(), Realm.NewKey(60 * 1024), Realm.NewFile("recovered"));

        Expect.Success(await Realm.CustodyAsync(subject, Secret, "enroll", "--key", key));
        Expect.Success(await Realm.CustodyAsync(subject, Secret, "recover", "--out", recovered));

        Assert.Equal(await File.ReadAllBytesAsync(key), await File.ReadAllBytesAsync(recovered));
    }

    private async Task<string> EnrolAsync()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        return subject;
    }

    private async Task AssertAttemptsLeftAsync(int expected, string subject)
    {
        await using CustodianClient device = Realm.Client(subject);
        Assert.Equal(expected, (await device.DescribeAsync()).AttemptsLeft);
    }
}
