using System.Collections.Concurrent;
using System.Diagnostics;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Grpc.Core;

namespace Custodian.Benchmarks;

/// <summary>
/// Prepare and Deposit of new users with the node as busy as 64 callers can make it, against the module's bare work on every processor and
/// against commits of as many rows as the node puts into one at most. What a client computes is computed before.
/// </summary>
internal static class DepositBenchmark
{
    private const int Connections = 64;
    private const int Rounds = 7;
    private const int Users = 1200;
    private const int RowsPerCommit = 64;
    private const int RowSize = 1500;
    private const double LeastRate = 0.7;

    private static readonly TimeSpan BareRound = TimeSpan.FromSeconds(1);

    internal static IEnumerable<Row> Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<IEnumerable<Row>> RunAsync()
    {
        var prepare = new Comparison(
            "prepare, saturated: from one to the next", "µs", $"{Connections} connections, each user once, callers on the same processors",
            "bare module on every processor: make, derive, wrap, seal", Reach: 1 / LeastRate);
        var deposit = new Comparison(
            "deposit, saturated: from one to the next", "µs", "the same",
            $"the slower of the bare module (open, unwrap, seal) and of bare commits of {RowsPerCommit} rows", Reach: 1 / LeastRate);
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        await Unlimited.RestartAsync(node);
        using var bare = new BareHsm(node, Environment.ProcessorCount);
        using var commits = new BareCommit(node.Folder, RowSize);
        RawCaller[] callers = [.. Enumerable.Range(0, Connections).Select(_ => new RawCaller(node.Address, realm.CaFile, () => null))];
        using var ending = new Ending(() => Array.ForEach(callers, c => c.Dispose()));
        Sample making = new(), adopting = new(), committing = new();
        for (int round = -1; round < Rounds; round++)
        {
            (double make, _) = bare.Saturate(BareRound, bare.Prepare);
            (double adopt, _) = bare.Saturate(BareRound, bare.Adopt);
            double row = Bare(commits);
            (double preparing, double depositing) = await EnrolAsync(realm, node, callers);
            if (round < 0)
            {
                continue;
            }

            making.Add(make);
            adopting.Add(adopt);
            committing.Add(row);
            prepare.Add(preparing, make);
            deposit.Add(depositing, Math.Max(adopt, row));
        }

        deposit.Note = FormattableString.Invariant(
            $"made {making.Median:0} µs, opened and sealed {adopting.Median:0} µs, committed {committing.Median:0} µs");
        return [prepare, deposit];
    }

    /// <returns>From one Prepare to the next, and from one Deposit to the next.</returns>
    private static async Task<(double Preparing, double Depositing)> EnrolAsync(Realm realm, NodeProcess node, RawCaller[] callers)
    {
        (SetId set, NodeId name) = (SetId.Parse(realm.SetId), NodeId.Parse(node.NodeId));
        (SoloRecord.Draft Draft, PrepareRequest Request, Metadata Token)[] users =
        [
            .. Enumerable.Range(0, Users).AsParallel().Select(_ =>
            {
                string subject = realm.NewSubject();
                var draft = new SoloRecord.Draft(callers[0], set, name, AccountId.Derive(set, realm.Issuer.Name, subject));
                return (draft, draft.Prepare(), new Metadata { { "authorization", $"Bearer {realm.Issuer.TokenFor(node.NodeId, subject)}" } });
            }),
        ];
        var prepared = new PrepareResponse[Users];
        double preparing = await EachAsync(
            callers, async (caller, i) => prepared[i] = await caller.Client.PrepareAsync(users[i].Request, users[i].Token));
        DepositRequest[] deposits =
        [
            .. users.AsParallel().AsOrdered().Select((user, i) =>
            {
                (SoloRecord record, DepositRequest request) = user.Draft.Complete(prepared[i]);
                record.Dispose();
                return request;
            }),
        ];
        double depositing = await EachAsync(callers, async (caller, i) => await caller.Client.DepositAsync(deposits[i], users[i].Token));
        return (preparing, depositing);
    }

    /// <summary>Every caller takes the next user until there is none.</summary>
    private static async Task<double> EachAsync(RawCaller[] callers, Func<RawCaller, int, Task> call)
    {
        var left = new ConcurrentQueue<int>(Enumerable.Range(0, Users));
        return await Clock.TimeAsync(() => Task.WhenAll(callers.Select(caller => Task.Run(async () =>
        {
            while (left.TryDequeue(out int user))
            {
                await call(caller, user);
            }
        })))) / Users;
    }

    private static double Bare(BareCommit commits)
    {
        int rows = 0;
        long started = Stopwatch.GetTimestamp();
        for (; Stopwatch.GetElapsedTime(started) < BareRound; rows += RowsPerCommit)
        {
            commits.Commit(RowsPerCommit);
        }

        return Stopwatch.GetElapsedTime(started).TotalMicroseconds / rows;
    }
}
