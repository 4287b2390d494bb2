using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using static Custodian.EndToEnd.Tests.Faults.DocumentedExceptions;

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

    /// <summary>Options that no client works with.</summary>
    private static readonly Action<CustodianClientOptions>[] RefusedOptions =
    [
        o => o.Token = null, o => o.TimeProvider = null!, o => o.LoggerFactory = null!, o => o.Stretching = null!,
        o => o.ConnectTimeout = TimeSpan.Zero, o => o.ConnectTimeout = TimeSpan.MinValue, o => o.ConnectTimeout = TimeSpan.MaxValue,
        o => o.AttemptTimeout = TimeSpan.FromMilliseconds(9), o => o.AttemptTimeout = TimeSpan.FromHours(25),
        o => o.AttemptTimeout = Timeout.InfiniteTimeSpan, o => o.MaxRetries = -1, o => o.MaxRetries = int.MaxValue,
        o => o.RetryDelay = TimeSpan.FromTicks(-1), o => o.RetryDelay = TimeSpan.MaxValue,
        o => o.SlowNodeGrace = Timeout.InfiniteTimeSpan, o => o.SlowNodeGrace = TimeSpan.MaxValue,
        o => o.Patience = TimeSpan.MinValue, o => o.Patience = TimeSpan.MaxValue, o => o.MaxAttempts = 0, o => o.MaxAttempts = int.MinValue,
        o => o.MaxAttempts = 101, o => o.Stretching = new StretchingCost(0, 0, 0), o => o.Stretching = new StretchingCost(-1, 1, 1),
        o => o.Stretching = new StretchingCost(19456, 1, int.MaxValue), o => o.Stretching = new StretchingCost(int.MaxValue, 1, 1),
    ];

    /// <summary>Options that are as far out as a client works with.</summary>
    private static readonly Action<CustodianClientOptions>[] TakenOptions =
    [
        o => o.ConnectTimeout = TimeSpan.FromTicks(1), o => (o.AttemptTimeout, o.MaxRetries) = (TimeSpan.FromMilliseconds(10), 0),
        o => (o.ConnectTimeout, o.AttemptTimeout, o.Patience) = (TimeSpan.FromHours(24), TimeSpan.FromHours(24), TimeSpan.FromHours(24)),
        o => (o.MaxRetries, o.RetryDelay) = (10, TimeSpan.Zero), o => (o.SlowNodeGrace, o.Patience) = (TimeSpan.Zero, TimeSpan.Zero),
        o => (o.MaxRetries, o.RetryDelay) = (0, TimeSpan.FromHours(1)), o => o.SlowNodeGrace = TimeSpan.FromHours(24),
    ];

    [Fact]
    public async Task AnyCall_OddSecrets_ThrowsOnlyWhatIsDocumented()
    {
        var draws = new Draws("odd/secrets");
        ILookup<bool, string> secrets = Secrets.Concat(Enumerable.Range(0, Effort.Times(200, 5000)).Select(_ => Odd(draws))).ToLookup(IsUsable);
        await using CustodianClient device = Realm.Client(Realm.NewSubject());
        foreach (string secret in secrets[false])
        {
            Assert.All(await UseAsync(device, secret), thrown => Assert.IsType<UnsupportedSecretException>(thrown));
        }

        Assert.True(secrets[true].Count() > 10, "too few of the secrets can be used");
        foreach (string secret in secrets[true].OrderBy(_ => draws.Next(int.MaxValue)).Take(Effort.Times(3, 200)))
        {
            Assert.All(await UseAsync(device, secret), thrown => Assert.Null(thrown));
            Assert.All(await UseAsync(device, secret, isEnrolling: false), thrown => Assert.IsType<RecordNotFoundException>(thrown));
        }
    }

    [Fact]
    public async Task AnyCall_OddSecretsOfARecordThatIsThere_ThrowsOnlyWhatIsDocumented()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        await using CustodianClient device = Realm.Client(subject);
        var draws = new Draws("odd/wrong secrets");
        foreach (string secret in Secrets.Where(IsUsable).OrderBy(_ => draws.Next(int.MaxValue)).Take(Effort.Times(2, 20)))
        {
            Assert.All(await UseAsync(device, secret, isEnrolling: false), thrown => Assert.True(
                thrown is WrongSecretException or LockedException { IsExhausted: true }, $"{thrown}"));
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
            Exception? failure = await OnlyAsync("CustodianClient.RecoverAsync", () => device.RecoverAsync(Secret));
            Assert.DoesNotContain(((failure as CustodyException)?.Nodes.Values ?? []), n => n.Condition == NodeCondition.Faulty);
        }
    }

    [Fact]
    public async Task AnyCall_OddKeysAndOptions_ThrowsOnlyWhatIsDocumented()
    {
        await using CustodianClient device = Realm.Client(Realm.NewSubject());
        foreach (int length in new[] { 0, 64 * 1024, 10_000_000 })
        {
            await OnlyAsync("CustodianClient.EnrollAsync", () => device.EnrollAsync(new byte[length], Secret));
        }

        foreach (EnrollOptions options in new EnrollOptions[]
            { new() { Label = null! }, new() { ContentType = null! }, new() { Label = "\ud800" }, new() { Label = new('x', 70_000) }, new() { ContentType = "\0\n" } })
        {
            await OnlyAsync("CustodianClient.EnrollAsync", () => device.EnrollAsync("key"u8, Secret, options));
        }

        foreach (int length in new[] { 0, 1, 31, 32, 33, 100_000 })
        {
            using var owner = new SecretBytes(new byte[length]);
            await OnlyAsync("CustodianClient.DeleteAsync(Custodian.Client.SecretBytes", () => device.DeleteAsync(owner));
            await OnlyAsync("CustodianClient.ReplaceAsync(Custodian.Client.SecretBytes", () => device.ReplaceAsync(owner, "key"u8, Secret));
        }
    }

    [Fact]
    public async Task Client_OddOptions_IsRefusedAtOnceOrWorks()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        foreach (Action<CustodianClientOptions> odd in RefusedOptions)
        {
            Exception? refused = await OnlyAsync("CustodianClient.#ctor", () => Task.FromResult(Realm.Client(subject, odd)));
            Assert.IsAssignableFrom<ArgumentException>(refused);
        }

        foreach (Action<CustodianClientOptions> odd in TakenOptions)
        {
            await using CustodianClient device = Realm.Client(subject, odd);
            Exception? failure = await OnlyAsync("CustodianClient.RecoverAsync", () => device.RecoverAsync(Secret));
            Assert.True(failure is null or TooFewNodesException { IsTransient: true }, $"{failure}");
        }
    }

    [Fact]
    public async Task Session_UsedAgainAndAfterDispose_ThrowsOnlyWhatIsDocumented()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        await using CustodianClient device = Realm.Client(subject);
        RecoverySession session = await device.PrepareRecoveryAsync();
        Assert.Equal(
            new[] { null, typeof(InvalidOperationException) },
            (await Task.WhenAll(RecoverAsync(session), RecoverAsync(session))).Select(thrown => thrown?.GetType()).OrderBy(t => t?.Name));
        Assert.Null(await RecoverAsync(session));
        session.Dispose();
        session.Dispose();

        Assert.InRange(session.AttemptsLeft, 8, 10);
        Assert.Equal((TimeSpan.Zero, 5, 5), (session.Delay, session.Nodes.Count, session.Account.Nodes.Count));
        await RecoverAsync(session);
        RecoverResult recovered = await device.RecoverAsync(Secret);
        recovered.Dispose();
        Assert.IsType<ObjectDisposedException>(await OnlyAsync(
            "CustodianClient.ReplaceAsync(Custodian.Client.RecoverResult", () => device.ReplaceAsync(recovered, "key"u8, Secret), typeof(ObjectDisposedException)));
        Assert.Equal(5, (await recovered.Settlement).Confirmed.Length);
        device.Dispose();
        Assert.NotNull(await RecoverAsync(session));

        static Task<Exception?> RecoverAsync(RecoverySession session) =>
            OnlyAsync("RecoverySession.RecoverAsync(System.ReadOnlySpan{System.Char}", () => session.RecoverAsync(Secret), typeof(ObjectDisposedException));
    }

    [Fact]
    public async Task AnyCall_CancelledOrDisposedAtAnyMoment_ThrowsOnlyWhatIsDocumented()
    {
        string subject = Realm.NewSubject();
        await Realm.EnrolAsync(subject, Secret, Realm.NewKey());
        var draws = new Draws("odd/disposed");
        Type[] ended = [typeof(OperationCanceledException), typeof(ObjectDisposedException)];
        for (int i = 0; i < Effort.Times(6, 60); i++)
        {
            using var cancellation = new CancellationTokenSource();
            CustodianClient device = Realm.Client(subject);
            Task<Exception?>[] calls =
            [
                OnlyAsync("CustodianClient.RecoverAsync", () => device.RecoverAsync(Secret, cancellation: cancellation.Token), ended),
                OnlyAsync("CustodianClient.CheckAsync", () => device.CheckAsync(Secret, cancellation: cancellation.Token), ended),
                OnlyAsync("CustodianClient.DescribeAsync", () => device.DescribeAsync(cancellation: cancellation.Token), ended),
            ];
            await Task.Delay(TimeSpan.FromMilliseconds(draws.Next(120)), TimeProvider.System);
            if (draws.Chance(50))
            {
                await cancellation.CancelAsync();
            }

            await Task.WhenAll(Task.Run(device.Dispose), Task.Run(device.Dispose), Task.Run(async () => await device.DisposeAsync()));
            await Task.WhenAll(calls);
            Assert.IsType<ObjectDisposedException>(await OnlyAsync("CustodianClient.RecoverAsync", () => device.RecoverAsync(Secret), ended));
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

    /// <summary>
    /// Uses a secret in every call that takes one: enrolled with it, until it is deleted; what each throws, null for nothing.
    /// </summary>
    private static async Task<IReadOnlyList<Exception?>> UseAsync(CustodianClient device, string secret, bool isEnrolling = true) =>
    [
        .. isEnrolling ? [await OnlyAsync("CustodianClient.EnrollAsync", () => device.EnrollAsync("key"u8, secret))] : Array.Empty<Exception?>(),
        await OnlyAsync("CustodianClient.CheckAsync", () => device.CheckAsync(secret)),
        await OnlyAsync("CustodianClient.RecoverAsync", () => device.RecoverAsync(secret)),
        await OnlyAsync("CustodianClient.ChangeSecretAsync", () => device.ChangeSecretAsync(secret, secret)),
        await OnlyAsync("CustodianClient.DeleteAsync(System.ReadOnlySpan{System.Char}", () => device.DeleteAsync(secret)),
    ];

    private static bool IsUsable(string secret)
    {
        bool usable = UserSecret.TryNormalise(secret, out SecretBytes? utf8, out _);
        utf8?.Dispose();
        return usable;
    }

    /// <summary>A text of any characters: halves of some, some that are none, and some that are.</summary>
    private static string Odd(Draws draws) => string.Concat(Enumerable.Range(0, draws.Next(8)).Select(_ => draws.Next(8) switch
    {
        0 => ((char)draws.Between(0xd800, 0xdfff)).ToString(),
        1 => ((char)draws.Next(0x10000)).ToString(),
        2 => new System.Text.Rune(draws.Between(0x1f300, 0x1f64f)).ToString(),
        3 => ((char)draws.Between(0x300, 0x36f)).ToString(),
        _ => ((char)draws.Between(0, 0x2ff)).ToString(),
    }));
}
