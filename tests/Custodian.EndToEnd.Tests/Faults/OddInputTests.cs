using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>
/// The seventh failure of the closest system: odd input ended the app. Here nothing that an app or its user can pass brings any exception
/// but those that are documented.
/// </summary>
[Collection(FaultyNodes.Collection)]
public sealed class OddInputTests(FaultyNodes faulty)
{
    private const string Secret = "four words make sense";

    private Realm Realm => faulty.Realm;

    /// <summary>Secrets nobody should choose.</summary>
    private static readonly string[] Secrets =
    [
        "", " ", "\0", "\ud800", "\udc00x", "a\ud800\udc00b", "\u0378", "\uffff", "\ufeff", "\u202e", "\n", "e\u0301", "\ufdfa", new('x', 100_000), new('\u0301', 5000),
        new('\ufdfa', 20_000),
    ];

    /// <summary>What an app may give for a token, by the node.</summary>
    private static readonly Func<string, string, string?>[] Tokens =
    [
        (_, _) => null, (_, _) => "", (_, _) => "..", (_, _) => "a.b.c", (_, _) => new string('a', 3_000_000), (_, good) => good + "\r\nx: y",
        (_, good) => "\n" + good, (_, good) => good.Replace(".", ".\n", StringComparison.Ordinal), (_, good) => good + "\u20ac", (_, good) => good + "\0",
        (_, good) => good[..^4], (_, good) => good + new string('A', 200_000), (_, _) => throw new InvalidOperationException("no"),
        (_, _) => throw new OperationCanceledException(), (_, _) => throw new FormatException("odd"), (node, good) => node.Contains('1', StringComparison.Ordinal) ? null : good,
    ];

    [Fact]
    public async Task AnyCall_OddSecrets_ThrowsOnlyWhatIsDocumented()
    {
        await using CustodianClient device = Realm.Client(Realm.NewSubject());
        foreach (string secret in Secrets)
        {
            await OnlyDocumentedAsync(() => device.EnrollAsync("key"u8, secret));
            await OnlyDocumentedAsync(() => device.RecoverAsync(secret));
            await OnlyDocumentedAsync(() => device.ChangeSecretAsync(secret, secret));
        }
    }

    [Fact]
    public async Task AnyCall_OddTokens_ThrowsOnlyWhatIsDocumentedAndBlamesNoNode()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        foreach (Func<string, string, string?> odd in Tokens)
        {
            await using CustodianClient device = Realm.Client(subject, o =>
            {
                o.MaxRetries = 0;
                o.Token = (node, _) => ValueTask.FromResult(odd(node.Value, Realm.Issuer.TokenFor(node.Value, subject))!);
            });
            Exception? failure = await OnlyDocumentedAsync(() => device.RecoverAsync(Secret));
            Assert.DoesNotContain(((failure as CustodyException)?.Nodes.Values ?? []), n => n.Condition == NodeCondition.Faulty);
        }
    }

    [Fact]
    public async Task AnyCall_OddKeysAndOptions_ThrowsOnlyWhatIsDocumented()
    {
        await using CustodianClient device = Realm.Client(Realm.NewSubject());
        foreach (int length in new[] { 0, 64 * 1024, 10_000_000 })
        {
            await OnlyDocumentedAsync(() => device.EnrollAsync(new byte[length], Secret));
        }

        foreach (EnrollOptions options in new EnrollOptions[]
            { new() { Label = null! }, new() { ContentType = null! }, new() { Label = "\ud800" }, new() { Label = new('x', 70_000) }, new() { ContentType = "\0\n" } })
        {
            await OnlyDocumentedAsync(() => device.EnrollAsync("key"u8, Secret, options));
        }

        foreach (int length in new[] { 0, 1, 31, 32, 33, 100_000 })
        {
            using var owner = new SecretBytes(new byte[length]);
            await OnlyDocumentedAsync(() => device.DeleteAsync(owner));
            await OnlyDocumentedAsync(() => device.ReplaceAsync(owner, "key"u8, Secret));
        }
    }

    [Fact]
    public async Task AnyCall_CancelledOrDisposedAtAnyMoment_ThrowsOnlyWhatIsDocumented()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        var draws = new Draws("odd/disposed");
        for (int i = 0; i < Effort.Times(6, 60); i++)
        {
            using var cancellation = new CancellationTokenSource();
            CustodianClient device = Realm.Client(subject);
            Task<Exception?>[] calls =
            [
                OnlyDocumentedAsync(() => device.RecoverAsync(Secret, cancellation: cancellation.Token)),
                OnlyDocumentedAsync(() => device.CheckAsync(Secret, cancellation: cancellation.Token)),
                OnlyDocumentedAsync(() => device.DescribeAsync(cancellation: cancellation.Token)),
            ];
            await Task.Delay(TimeSpan.FromMilliseconds(draws.Next(120)), TimeProvider.System);
            if (draws.Chance(50))
            {
                await cancellation.CancelAsync();
            }

            await Task.WhenAll(Task.Run(device.Dispose), Task.Run(device.Dispose), Task.Run(async () => await device.DisposeAsync()));
            await Task.WhenAll(calls);
            Assert.IsType<ObjectDisposedException>(await OnlyDocumentedAsync(() => device.RecoverAsync(Secret)));
        }
    }

    [Fact]
    public void Set_MutatedAtRandom_IsReadOrRefusedAsASet()
    {
        string good = File.ReadAllText(Realm.SetFile);
        var draws = new Draws("odd/set");
        for (int i = 0; i < Effort.Times(2000, 100_000); i++)
        {
            string text = Mutate(good, draws);
            try
            {
                _ = CustodianSet.Parse(text, Realm.Folder);
            }
            catch (CustodianSetException)
            {
                // Named what is wrong.
            }
            catch (Exception failure)
            {
                Assert.Fail($"seed {Effort.Seed}: {failure}\n{text}");
            }
        }
    }

    private static string Mutate(string text, Draws draws)
    {
        for (int i = draws.Between(1, 4); i > 0; i--)
        {
            int at = draws.Next(text.Length);
            string piece = draws.Pick(["", "\0", "\\u0000", "\\ud800", "\"", "0", "-1", "1e999", "null", "[]", "{}", ",", "\ud800", "https://x:y", "[", "..", "/", "99999999999"]);
            text = text[..at] + piece + text[Math.Min(text.Length, at + draws.Next(12))..];
        }

        return text;
    }

    /// <summary>What a call throws, once it is sure that it is documented; null for nothing.</summary>
    private static async Task<Exception?> OnlyDocumentedAsync<T>(Func<Task<T>> call)
    {
        try
        {
            ((await call()) as IDisposable)?.Dispose();
            return null;
        }
        catch (Exception thrown) when (thrown is ArgumentException or CustodyException or OperationCanceledException or ObjectDisposedException)
        {
            return thrown;
        }
    }
}
