using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading.Channels;
using Custodian.Client;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>How a <see cref="Traffic"/> behaves.</summary>
internal sealed record TrafficOptions
{
    /// <summary>How many subjects there are. Each does one thing at a time.</summary>
    internal int Subjects { get; init; } = 20;

    /// <summary>How many subjects are busy at once.</summary>
    internal int Workers { get; init; } = 4;

    /// <summary>What a subject does over and over once it is enrolled.</summary>
    internal IReadOnlyList<TrafficOperation> Cycle { get; init; } =
        [TrafficOperation.Recover, TrafficOperation.ChangeSecret, TrafficOperation.Recover, TrafficOperation.Check];

    /// <summary>Changes to the options of every client.</summary>
    internal Action<CustodianClientOptions>? Client { get; init; }

    /// <summary>Bytes of a key.</summary>
    internal int KeySize { get; init; } = 256;
}

/// <summary>
/// People who enrol, recover, change their secrets and check them against a realm, and a memory of what the realm has promised them. Once
/// an operation has succeeded, the key must come back with the secret for ever after, whatever happens to the nodes; <see cref="VerifyAsync"/>
/// asks for all of it.
/// </summary>
/// <remarks>
/// Runs in process, with the SDK. Every operation is a device of its own: a new client, which knows the set and has tokens.
/// Thread-safe; <see cref="RunAsync"/> may run several times, one after another.
/// </remarks>
internal sealed class Traffic
{
    /// <summary>The cheapest stretching that a node takes: these secrets have nothing to fear.</summary>
    internal static readonly StretchingCost Cheap = new(19456, 1, 1);

    private readonly Realm _realm;
    private readonly TrafficOptions _options;
    private readonly IReadOnlyList<Promises> _subjects;
    private readonly ConcurrentQueue<TrafficResult> _results = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource> _milestones = new();
    private readonly long _started = TimeProvider.System.GetTimestamp();
    private int _begun;
    private int _ended;

    internal Traffic(Realm realm, TrafficOptions? options = null)
    {
        (_realm, _options) = (realm, options ?? new TrafficOptions());
        _subjects = [.. Enumerable.Range(0, _options.Subjects).Select(_ => new Promises(realm.NewSubject()))];
    }

    /// <summary>What has happened so far.</summary>
    internal TrafficReport Report => new([.. _results]);

    /// <summary>What the subjects were promised.</summary>
    internal IReadOnlyList<Promises> Subjects => _subjects;

    /// <summary>Ends when so many operations have ended, over all runs.</summary>
    internal Task ReachedAsync(int operations)
    {
        TaskCompletionSource milestone = _milestones.GetOrAdd(operations, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        Announce(Volatile.Read(ref _ended));
        return milestone.Task;
    }

    /// <summary>Makes traffic until a number of operations have begun, over all runs, or the token is cancelled; then lets the last ones end.</summary>
    internal async Task RunAsync(int operations = int.MaxValue, CancellationToken stop = default)
    {
        Channel<Promises> idle = Channel.CreateUnbounded<Promises>();
        foreach (Promises subject in _subjects)
        {
            idle.Writer.TryWrite(subject);
        }

        await Task.WhenAll(Enumerable.Range(0, _options.Workers).Select(_ => Task.Run(() => WorkAsync(idle, operations, stop), CancellationToken.None)));
    }

    /// <summary>Asks for every key that was ever promised, each on a new device. The nodes should be well by now.</summary>
    internal async Task<TrafficReport> VerifyAsync()
    {
        var results = new ConcurrentQueue<TrafficResult>();
        await Parallel.ForEachAsync(
            _subjects.Where(s => s.IsPromised),
            new ParallelOptions { MaxDegreeOfParallelism = _options.Workers },
            async (subject, _) => results.Enqueue(await TimedAsync(subject, TrafficOperation.Verify)));
        return new TrafficReport([.. results]);
    }

    private async Task WorkAsync(Channel<Promises> idle, int operations, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && Interlocked.Increment(ref _begun) <= operations)
        {
            Promises subject = await idle.Reader.ReadAsync(CancellationToken.None);
            _results.Enqueue(await TimedAsync(subject, Next(subject)));
            Announce(Interlocked.Increment(ref _ended));
            idle.Writer.TryWrite(subject);
        }
    }

    private TrafficOperation Next(Promises subject) => subject.IsPromised
        ? _options.Cycle[subject.Steps++ % _options.Cycle.Count]
        : TrafficOperation.Enrol;

    private void Announce(int ended)
    {
        foreach ((int at, TaskCompletionSource milestone) in _milestones)
        {
            if (at <= ended)
            {
                milestone.TrySetResult();
            }
        }
    }

    private async Task<TrafficResult> TimedAsync(Promises subject, TrafficOperation operation)
    {
        TimeSpan began = TimeProvider.System.GetElapsedTime(_started);
        try
        {
            // Disposing the device waits for its settlements, which no caller does.
            await using CustodianClient device = _realm.Client(subject.Subject, _options.Client);
            (TrafficOutcome outcome, string? why) = await JudgedAsync(device, subject, operation);
            return new TrafficResult(subject.Subject, operation, outcome, why, began, TimeProvider.System.GetElapsedTime(_started) - began);
        }
        catch (Exception fault)
        {
            TimeSpan took = TimeProvider.System.GetElapsedTime(_started) - began;
            return new TrafficResult(subject.Subject, operation, TrafficOutcome.Broken, Describe(fault), began, took);
        }
    }

    /// <summary>Does it, and says what its failure means for what was promised.</summary>
    private async Task<(TrafficOutcome Outcome, string? Why)> JudgedAsync(CustodianClient device, Promises subject, TrafficOperation operation)
    {
        try
        {
            return operation switch
            {
                TrafficOperation.Enrol => await EnrolAsync(device, subject),
                TrafficOperation.ChangeSecret => await ChangeSecretAsync(device, subject),
                TrafficOperation.Check => await FirstKeptAsync(subject, promise => CheckAsync(device, promise)),
                _ => await FirstKeptAsync(subject, promise => RecoverAsync(device, promise)),
            };
        }
        catch (Exception failure) when (failure is RecordNotFoundException or WrongSecretException or DamagedRecordException)
        {
            return (TrafficOutcome.Lost, Describe(failure));
        }
        catch (CustodyException refused)
        {
            return (TrafficOutcome.Refused, Describe(refused));
        }
    }

    private async Task<(TrafficOutcome Outcome, string? Why)> EnrolAsync(CustodianClient device, Promises subject)
    {
        var promise = new Promise(NewSecret(), RandomNumberGenerator.GetBytes(_options.KeySize));
        subject.Ask(promise);
        try
        {
            using EnrollResult enrolled = await device.EnrollAsync(promise.Key, promise.Secret);
            subject.Keep(promise);
            return (TrafficOutcome.Done, null);
        }
        catch (AlreadyEnrolledException)
        {
            // An enrolment that had failed for its caller is in effect all the same. One of those secrets must open it.
            subject.Withdraw(promise);
            return await FirstKeptAsync(subject, open => RecoverAsync(device, open));
        }
    }

    private static async Task<(TrafficOutcome Outcome, string? Why)> ChangeSecretAsync(CustodianClient device, Promises subject)
    {
        return await FirstKeptAsync(subject, async old =>
        {
            var changed = new Promise(NewSecret(), old.Key);
            subject.Ask(changed);
            try
            {
                using EnrollResult enrolled = await device.ChangeSecretAsync(old.Secret, changed.Secret);
                return (TrafficOutcome.Done, changed);
            }
            catch (WrongSecretException)
            {
                // The old secret did not open the record, so nothing was made under the new one.
                subject.Withdraw(changed);
                throw;
            }
        });
    }

    private static async Task<(TrafficOutcome Outcome, Promise Promise)> RecoverAsync(CustodianClient device, Promise promise)
    {
        using RecoverResult recovered = await device.RecoverAsync(promise.Secret);
        return (recovered.PrivateKey.FixedTimeEquals(promise.Key) ? TrafficOutcome.Done : TrafficOutcome.Wrong, promise);
    }

    private static async Task<(TrafficOutcome Outcome, Promise Promise)> CheckAsync(CustodianClient device, Promise promise)
    {
        _ = await device.CheckAsync(promise.Secret);
        return (TrafficOutcome.Done, promise);
    }

    /// <summary>
    /// Tries each secret that may be in effect, the newest first. The one that opens the record is then the only promise: nothing but a use
    /// of a newer one could bring that into effect later, and it is never used again.
    /// </summary>
    private static async Task<(TrafficOutcome Outcome, string? Why)> FirstKeptAsync(
        Promises subject, Func<Promise, Task<(TrafficOutcome Outcome, Promise Promise)>> attempt)
    {
        Promise[] open = [.. subject.Open];
        for (int i = 0; i < open.Length; i++)
        {
            try
            {
                (TrafficOutcome outcome, Promise kept) = await attempt(open[i]);
                subject.Keep(kept);
                return (outcome, outcome == TrafficOutcome.Done ? null : "the key that came back is another");
            }
            catch (WrongSecretException) when (i < open.Length - 1)
            {
                // Not this one: it was asked for, and its caller was told that it failed.
            }
        }

        return (TrafficOutcome.Broken, "there is no secret to try");
    }

    private static string NewSecret() => RandomNumberGenerator.GetHexString(12, lowercase: true);

    private static string Describe(Exception error) => $"{error.GetType().Name}: {error.Message}";
}
