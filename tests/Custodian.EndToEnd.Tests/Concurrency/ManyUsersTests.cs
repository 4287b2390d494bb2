using System.Collections.Concurrent;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Attacks;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Testing;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Concurrency;

/// <summary>Many users at once, and two devices of one user at once.</summary>
[Collection(AttackedNodes.Collection)]
public sealed class ManyUsersTests(AttackedNodes nodes, ITestOutputHelper output)
{
    private static readonly CustodyStage[] Stages =
        [CustodyStage.Describing, CustodyStage.Stretching, CustodyStage.Preparing, CustodyStage.Depositing, CustodyStage.Activating];

    private static readonly string[] Devices = ["first", "second"];

    /// <summary>What two devices come apart that did not come through together, each time.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(100);

    private Realm Realm => nodes.Realm;

    [Fact]
    public async Task Recover_ManyAccountsAtOnce_AllSucceed()
    {
        string[] subjects = [.. Enumerable.Range(0, Effort.Times(40, 200)).Select(_ => Realm.NewSubject())];
        await Parallel.ForEachAsync(subjects, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (subject, cancellation) =>
        {
            await using CustodianClient device = Realm.Client(subject);
            (await device.EnrollAsync(KeyOf(subject), $"secret of {subject}", cancellation: cancellation)).Dispose();
        });

        var failures = new ConcurrentBag<string>();
        await Task.WhenAll(subjects.Select(s => RecoverAsync(s, failures)));

        output.WriteLine($"{subjects.Length} recoveries at once, {failures.Count} failed");
        Assert.Empty(failures);
    }

    [Fact]
    public async Task Enrol_TwoDevicesAtOnce_OneWinsAndTheOtherIsToldWhy()
    {
        var draws = new Draws("two devices enrolling at once");
        for (int round = 0; round < Effort.Times(5, 60); round++)
        {
            CustodyStage stage = draws.Pick(Stages);
            string script = $"seed {Effort.Seed}, round {round}: the second device begins when the first is {stage}";
            try
            {
                output.WriteLine($"{script}: {await RaceAsync(stage)}");
            }
            catch (Exception failure)
            {
                Assert.Fail($"{script}\n{failure}");
            }
        }
    }

    private static byte[] KeyOf(string subject) => System.Text.Encoding.UTF8.GetBytes($"key of {subject}");

    private async Task RecoverAsync(string subject, ConcurrentBag<string> failures)
    {
        // The machine that all of it runs on is busy; what is asked is that everyone is served, not how soon.
        await using CustodianClient device = Realm.Client(subject, o =>
            (o.ConnectTimeout, o.AttemptTimeout, o.MaxRetries) = (TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2), 10));
        try
        {
            using RecoverResult recovered = await device.RecoverAsync($"secret of {subject}");
            if (!recovered.PrivateKey.FixedTimeEquals(KeyOf(subject)))
            {
                failures.Add($"{subject}: another key came back");
            }
        }
        catch (CustodyException failure)
        {
            failures.Add($"{subject}: {failure.Message}");
        }
    }

    /// <summary>Two devices with a secret and a key each. Says how it ended.</summary>
    private async Task<string> RaceAsync(CustodyStage stage)
    {
        string subject = Realm.NewSubject();
        var reached = new Signal(stage);
        Task<CustodyException?> first = EnrolAsync(subject, "first", reached);
        await Task.WhenAny(reached.Task, first);
        CustodyException?[] outcomes = await Task.WhenAll(first, EnrolAsync(subject, "second", null));
        string ending = string.Join(", ", outcomes.Select(o => o?.GetType().Name ?? "enrolled"));

        AssertToldWhy(outcomes);
        for (int later = 1; outcomes.All(o => o is not null); later++)
        {
            // Each held some of the nodes, so neither got all; both have taken back what they had stored, and come again, ever further apart.
            Assert.True(later < 6, $"neither device has come through: {ending}");
            outcomes = await Task.WhenAll(EnrolAsync(subject, "first", null), EnrolAsync(subject, "second", null, Apart * later));
            ending += $", then {string.Join(", ", outcomes.Select(o => o?.GetType().Name ?? "enrolled"))}";
            AssertToldWhy(outcomes);
        }

        string winner = Assert.Single(outcomes.Zip(Devices), o => o.First is null).Second;
        var late = Assert.IsType<AlreadyEnrolledException>(await EnrolAsync(subject, Devices.Single(d => d != winner), null));
        Assert.False(late.IsPending, "the winner's record is not in effect");
        await using CustodianClient device = Realm.Client(subject);
        using RecoverResult recovered = await device.RecoverAsync($"secret of {winner}");
        Assert.True(recovered.PrivateKey.FixedTimeEquals(KeyOf(winner)), "the key is not the winner's");
        return ending;
    }

    /// <summary>Who did not enrol was told that another did, or when to come again.</summary>
    private static void AssertToldWhy(IEnumerable<CustodyException?> outcomes) => Assert.All(outcomes.OfType<CustodyException>(), o => Assert.True(
        o is AlreadyEnrolledException or EnrollmentRefusedException { RetryAfter: not null }, $"{o.GetType().Name}: {o.Message}"));

    private async Task<CustodyException?> EnrolAsync(string subject, string device, Signal? progress, TimeSpan after = default)
    {
        await Task.Delay(after, TimeProvider.System);
        await using CustodianClient client = Realm.Client(subject);
        try
        {
            using EnrollResult enrolled = await client.EnrollAsync(KeyOf(device), $"secret of {device}", progress: progress);
            Assert.True(enrolled.IsInEffect);
            return null;
        }
        catch (CustodyException failure)
        {
            return failure;
        }
    }

    /// <summary>Ends when a device has come to a stage.</summary>
    private sealed class Signal(CustodyStage stage) : IProgress<CustodyProgress>
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Task Task => _reached.Task;

        public void Report(CustodyProgress value)
        {
            if (value.Stage == stage)
            {
                _reached.TrySetResult();
            }
        }
    }
}
