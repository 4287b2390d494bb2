using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>The same command once more, before anything has recovered or settled: it finishes, replaces, or says which secret or key does.</summary>
internal sealed partial class CrashCase
{
    /// <summary>What <c>custody --json</c> says of each ending but success.</summary>
    private static readonly Dictionary<string, SecondRun> Errors = new()
    {
        ["already_enrolled"] = SecondRun.IsEnrolled,
        ["enrolment_unfinished"] = SecondRun.IsPending,
        ["secret_replaced"] = SecondRun.IsOfReplacedRecord,
        ["wrong_secret"] = SecondRun.IsOfAWrongSecret,
        ["no_record"] = SecondRun.FindsNothing,
        ["output"] = SecondRun.HasTheKey,
    };

    private string? _written;

    /// <summary>Runs it again with the SDK, on a device that knows nothing.</summary>
    internal async Task<SecondRun> RunAgainAsync()
    {
        await using CustodianClient device = Device();
        try
        {
            bool done = await PatientlyAsync(() => RunAsync(device, _operation));
            Assert.True(done, "the second run left something");
            return SecondRun.Succeeds;
        }
        catch (CustodyException failure)
        {
            return failure switch
            {
                AlreadyEnrolledException { IsPending: false } => SecondRun.IsEnrolled,
                AlreadyEnrolledException => SecondRun.IsPending,
                EnrollmentRefusedException { IsOfReplacedRecord: true } => SecondRun.IsOfReplacedRecord,
                WrongSecretException { IsCertain: true } => SecondRun.IsOfAWrongSecret,
                RecordNotFoundException => SecondRun.FindsNothing,
                _ => throw new InvalidOperationException("the second run ended as none may", failure),
            };
        }
    }

    /// <summary>Runs <c>custody</c> again, with the command that was killed.</summary>
    internal async Task<SecondRun> RunAgainAsync(string input, string[] command)
    {
        ProcessOutcome outcome = await _bench.Realm.CustodyAsync(Subject, input, command);
        if (Error(outcome) == "enrolment_in_progress")
        {
            await _bench.PassAsync(TimeSpan.FromSeconds(JsonNode.Parse(outcome.Output)!["retry_after_seconds"]!.GetValue<int>() + 1));
            outcome = await _bench.Realm.CustodyAsync(Subject, input, command);
        }

        return outcome.ExitCode == 0 ? SecondRun.Succeeds
            : Errors.TryGetValue(Error(outcome), out SecondRun ending) ? ending
            : throw new InvalidOperationException($"the second run ended as none may: {outcome.All}");
    }

    private static string Error(ProcessOutcome outcome) => (string?)JsonNode.Parse(outcome.Output)!["error"] ?? "";

    /// <summary>Runs it again, and makes sure that it ends as what the nodes show lets it.</summary>
    /// <returns>Whether what was asked is done now, be it that the second run only says so.</returns>
    private async Task<bool> RunAgainAsync(Func<Task<SecondRun>> again)
    {
        SecondRun expected = await ExpectedAsync();
        Assert.Equal(expected, await again());
        await NoCounterIsBelowTheTruthAsync();
        switch (expected)
        {
            case SecondRun.IsEnrolled or SecondRun.IsPending:
                Assert.True(await OpensAsync(Old), "a record is said to be in the way, and its secret does not recover");
                return false;
            case SecondRun.HasTheKey:
                Assert.Equal(_key, await File.ReadAllBytesAsync(_written!));
                return true;
            case SecondRun.FindsNothing:
                await NoEnrolmentTakesThePlaceOfARestAsync();
                return true;
            default:
                return true;
        }
    }

    /// <summary>How the second run has to end, by what the nodes show before it.</summary>
    private async Task<SecondRun> ExpectedAsync()
    {
        await using CustodianClient device = Device();
        AccountDescription account = await device.DescribeAsync();
        RecordAtNode[] shown = [.. account.AtNodes.Values.SelectMany(held => held)];
        int holding = account.AtNodes.Values.Count(held => held.Length > 0);
        int old = shown.Count(r => r.Record.Generation == 1);
        int nodes = _bench.Realm.Nodes.Count;
        int threshold = _bench.Realm.Threshold;
        return _operation switch
        {
            CrashOperation.Enrol => holding < threshold ? SecondRun.Succeeds
                : shown.Any(r => r.State == Client.RecordState.Active) ? SecondRun.IsEnrolled
                : SecondRun.IsPending,
            CrashOperation.ChangeSecret => old == nodes ? SecondRun.Succeeds
                : old >= threshold ? SecondRun.IsOfReplacedRecord
                : SecondRun.IsOfAWrongSecret,
            CrashOperation.Recover => File.Exists(_written) ? SecondRun.HasTheKey : SecondRun.Succeeds,
            CrashOperation.DeleteBySecret => holding < threshold ? SecondRun.FindsNothing : SecondRun.Succeeds,
            _ => holding == 0 ? SecondRun.FindsNothing : SecondRun.Succeeds,
        };
    }

    /// <summary>
    /// What a deletion by the secret leaves that died after n-t+1 nodes is no key any more, and stands in the way of the next enrolment at
    /// the nodes that have it, for as long as neither the owner key nor their operators remove it.
    /// </summary>
    private async Task NoEnrolmentTakesThePlaceOfARestAsync()
    {
        await using CustodianClient device = Device();
        Protocol.NodeId[] holding = [.. (await device.DescribeAsync()).AtNodes.Where(n => n.Value.Length > 0).Select(n => n.Key).Order()];
        if (holding.Length > 0)
        {
            var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => device.EnrollAsync(_key, Next));
            Assert.Null(refused.RetryAfter);
            Assert.Equal(holding, refused.Nodes.Where(n => n.Value.Condition == NodeCondition.NotAsked).Select(n => n.Key).Order());
        }
    }

    /// <summary>Once more, and when the nodes say to wait for what was begun, after that.</summary>
    private async Task<T> PatientlyAsync<T>(Func<Task<T>> command)
    {
        try
        {
            return await command();
        }
        catch (EnrollmentRefusedException refused) when (refused.RetryAfter is { } wait)
        {
            await _bench.PassAsync(wait + TimeSpan.FromSeconds(1));
            return await command();
        }
    }
}
