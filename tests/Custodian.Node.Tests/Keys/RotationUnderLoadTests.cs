using System.Collections.Concurrent;
using Custodian.Core;
using Custodian.Node.Api.Calls;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Records;
using Custodian.Node.Tests.Storage;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Tests;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Custodian.Testing;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit.Abstractions;

namespace Custodian.Node.Tests.Keys;

/// <summary>Many records brought under a new seal key while users keep the node as busy as they can.</summary>
public sealed class RotationUnderLoadTests(TestNode node, ITestOutputHelper output) : IClassFixture<TestNode>
{
    private const int Users = 16;

    private sealed record Enrolled(TestUser User, ClientRecord Record, byte[] Evaluated);

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Rotate_SealKeyOfAHundredThousandRecordsUnderFullLoad_RefusesAndLosesNothing() =>
        await RotateAsync(Effort.Times(2_000, 100_000));

    [Fact]
    public async Task Rotate_SealKeyOfManyRecordsUnderFullLoad_RefusesAndLosesNothing() => await RotateAsync(300);

    private async Task RotateAsync(int count)
    {
        IReadOnlyList<Enrolled> enrolled = await SeedAsync(count);
        long before = await CountAsync();
        await using KeyWatch watch = Watch();
        using var stop = new CancellationTokenSource();
        var calls = new ConcurrentBag<TimeSpan>();
        Task load = Task.WhenAll(Enumerable.Range(0, Users).Select(i => Task.Run(() => UseAsync(enrolled, i, calls, stop.Token))));

        uint version = (await node.Hsm.RefreshKeysAsync()).Newest(KeyPurpose.Seal) + 1;
        long began = TimeProvider.System.GetTimestamp();
        TokenKey made = TokenVersions.MakeInSoftHsm(KeyPurpose.Seal, version);
        await node.Store.ChangeKeyListAsync(list => list!.With(new ListedKey(made, MayReseal: true)), CancellationToken.None);
        await ResealedAsync(version);
        TimeSpan took = TimeProvider.System.GetElapsedTime(began);
        await stop.CancelAsync();
        await load;

        TimeSpan[] times = [.. calls.Order()];
        output.WriteLine(
            $"{before} records in {took.TotalSeconds:0.0} s beside {calls.Count / took.TotalSeconds:0} calls a second of {Users} users, "
            + $"half of them within {times[times.Length / 2].TotalMilliseconds:0} ms, 99 in 100 within {times[times.Length * 99 / 100].TotalMilliseconds:0} ms");
        Assert.Empty(node.Log.TakeWarnings());
        await AssertNothingIsLostAsync(before, enrolled);
    }

    /// <summary>Recovers as fast as answers come: an Evaluate and its Confirm, now and then an enrolment and a Delete.</summary>
    private async Task UseAsync(IReadOnlyList<Enrolled> enrolled, int number, ConcurrentBag<TimeSpan> calls, CancellationToken stop)
    {
        var draws = new Draws($"recoveries of user {number}");
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            long began = TimeProvider.System.GetTimestamp();
            if (i % 10 == 9)
            {
                TestUser user = node.NewUser();
                ClientRecord record = await user.EnrolAsync();
                await user.Node.DeleteAsync(record.DeleteMessage(RecordState.Active), user.Token, cancellationToken: CancellationToken.None);
            }
            else
            {
                // Each user has people of its own, since two recoveries of one would settle each other's attempts.
                await RecoverAsync(enrolled[(draws.Next(enrolled.Count / Users) * Users) + number]);
            }

            calls.Add(TimeProvider.System.GetElapsedTime(began));
        }
    }

    private static async Task RecoverAsync(Enrolled enrolled)
    {
        AttemptId attempt = AttemptId.Draw();
        EvaluateResponse answer = await enrolled.User.EvaluateAsync(enrolled.Record, attempt);
        Assert.Equal(enrolled.Evaluated, answer.Evaluated.ToByteArray());
        Assert.Equal(enrolled.Record.MaskedShare, answer.MaskedShare.ToByteArray());
        ConfirmResponse confirmed = await enrolled.User.Node.ConfirmAsync(enrolled.Record.ConfirmMessage(attempt, answer.Sequence), enrolled.User.Token);
        Assert.Equal(5U, confirmed.AttemptsRemaining);
    }

    /// <summary>Stores records past the API, sealed by the HSM as a Deposit's.</summary>
    private async Task<IReadOnlyList<Enrolled>> SeedAsync(int count)
    {
        var enrolled = new ConcurrentBag<Enrolled>();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count / Users * Users), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (_, _) => enrolled.Add(await SeedAsync()));
        return [.. enrolled];
    }

    private async Task<Enrolled> SeedAsync()
    {
        TestUser user = node.NewUser();
        ClientRecord record = user.NewRecord();
        byte[] context = HsmContext.OfRecord(node.Store.Node, node.Store.RowOf(user.Account).Span, record.Id);
        PreparedKey prepared = await user.PrepareAsync(context);
        await user.StoreAsync(record, await user.SealAsync(record, prepared, context));
        return new Enrolled(user, record, prepared.Evaluated);
    }

    private KeyWatch Watch() => new(
        node.Hsm,
        node.Store,
        new ResealPace(2000),
        new KeyMetrics(node.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>()),
        node.Services.GetRequiredService<Microsoft.Extensions.Logging.ILoggerFactory>().CreateLogger("keys"));

    private async Task<long> CountAsync() => (await node.Store.ReadKeyUseAsync(CancellationToken.None)).Records.Sum(r => r.Count);

    private async Task ResealedAsync(uint version)
    {
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        KeyUse use;
        do
        {
            await poll.WaitForNextTickAsync();
            use = await node.Store.ReadKeyUseAsync(CancellationToken.None);
        }
        while (use.SealedBefore(version) > 0 || !use.HoldsSecrets(KeyPurpose.Seal, version) || use.Under(KeyPurpose.Seal, version) == 0);
    }

    /// <summary>That there are as many records as before, that all open, and that each still gives what it did: all of them, or some in a part.</summary>
    private async Task AssertNothingIsLostAsync(long before, IReadOnlyList<Enrolled> enrolled)
    {
        Assert.Equal(before, await CountAsync());
        var draws = new Draws("records evaluated after a rotation");
        await Parallel.ForEachAsync(
            Effort.IsWhole ? enrolled : [.. Enumerable.Range(0, 100).Select(_ => draws.Pick(enrolled)).Distinct()],
            new ParallelOptions { MaxDegreeOfParallelism = Users },
            async (one, _) => await RecoverAsync(one));
        var options = new SqliteStoreOptions { Path = node.DatabaseFile };
        var progress = new VerificationProgress(_ => { }, TimeProvider.System);
        using NodeSecrets secrets = await NodeDatabase.OpenSecretsAsync(options, NodeDatabase.ReadIdentity(options), node.Hsm);
        VerificationReport report = new DatabaseVerifier(options, secrets, progress).Run(CancellationToken.None);
        await new SealedPartCheck(node.Store.Node, node.Hsm).RunAsync(options, report, progress, CancellationToken.None);
        Assert.True(report.IsSound, string.Join('\n', report.Findings));
        Assert.Equal(before, report.SealedParts);
    }
}
