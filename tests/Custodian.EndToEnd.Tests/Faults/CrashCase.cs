using System.Security.Cryptography;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>What a person was doing when it crashed.</summary>
internal enum CrashOperation
{
    Enrol,
    ChangeSecret,
    Recover,
    DeleteBySecret,
    DeleteByOwnerKey,
}

/// <summary>
/// One person whose client or node crashes at one point of one operation, and what must hold afterwards: the old or the new secret
/// recovers, what was reported done is done, no counter is below what was evaluated, and the next run of the same command finishes or
/// replaces what was begun.
/// </summary>
internal sealed partial class CrashCase : IDisposable
{
    private const string Old = "the old secret";
    private const string New = "the new secret";
    private const string Next = "the next secret";
    private const int MaxAttempts = 10;

    private readonly CrashBench _bench;
    private readonly CrashOperation _operation;
    private readonly (string Subject, CrashScript Script) _person;
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(300);
    private SecretBytes? _ownerKey;

    private CrashCase(CrashBench bench, CrashOperation operation) =>
        (_bench, _operation, _person) = (bench, operation, bench.NewSubject());

    internal string Subject => _person.Subject;

    internal CrashScript Script => _person.Script;

    /// <summary>Why the operation did not report success.</summary>
    internal CustodyException? Failure { get; private set; }

    /// <summary>Begins when the bench has a place for it.</summary>
    internal static async Task<CrashCase> BeginAsync(CrashBench bench, CrashOperation operation)
    {
        await bench.EnterAsync();
        return new CrashCase(bench, operation);
    }

    /// <summary>What the operation needs to be there before.</summary>
    internal async Task PrepareAsync()
    {
        if (_operation != CrashOperation.Enrol)
        {
            await using CustodianClient device = Device();
            using EnrollResult enrolled = await device.EnrollAsync(_key, Old);
            Assert.True(enrolled.IsComplete, "the record to begin with is not complete");
            byte[] owner = new byte[enrolled.OwnerKey.Length];
            enrolled.OwnerKey.CopyTo(owner);
            _ownerKey = new SecretBytes(owner);
        }
    }

    /// <summary>Does the operation with the SDK, under the script as it is armed; whether it reported success.</summary>
    internal async Task<bool> RunAsync()
    {
        // Disposed in the end, which waits for the settlement: that is part of the operation, and fails when the client is gone.
        await using CustodianClient device = Device(o => o.MaxRetries = 0);
        try
        {
            return await RunAsync(device, _operation);
        }
        catch (CustodyException failure)
        {
            Failure = failure;
            return false;
        }
    }

    /// <summary>The command and its standard input, for <c>custody</c>.</summary>
    internal (string Input, string[] Command) Command(string keyFile) => _operation switch
    {
        CrashOperation.Enrol => (Old, ["enroll", "--json", "--key", keyFile]),
        CrashOperation.ChangeSecret => ($"{Old}\n{New}", ["change-secret", "--json"]),
        CrashOperation.Recover => (Old, ["recover", "--json", "--out", _written = _bench.Realm.NewFile("recovered")]),
        _ => (Old, ["delete", "--json", "--yes"]),
    };

    /// <summary>Writes the key to a file, for <c>custody</c>.</summary>
    internal string WriteKey()
    {
        string file = _bench.Realm.NewFile("private.key");
        File.WriteAllBytes(file, _key);
        return file;
    }

    /// <summary>Checks everything that must hold, with every node up again.</summary>
    /// <param name="reported">Whether the operation said that it was done.</param>
    /// <param name="again">Runs the same command again before all else; null to begin with what recovers, which finishes what was begun.</param>
    internal async Task VerifyAsync(bool reported, Func<Task<SecondRun>>? again)
    {
        Script.Disarm();
        await NoCounterIsBelowTheTruthAsync();
        reported |= again is not null && await RunAgainAsync(again);
        switch (_operation)
        {
            case CrashOperation.Enrol:
                await VerifyEnrolmentAsync(reported);
                break;
            case CrashOperation.ChangeSecret:
                await VerifyChangeAsync(reported);
                break;
            case CrashOperation.Recover:
                Assert.True(await OpensAsync(Old), "the secret does not recover");
                await AllIsWellAsync();
                break;
            default:
                await VerifyDeletionAsync(reported);
                break;
        }
    }

    public void Dispose()
    {
        _ownerKey?.Dispose();
        _bench.Leave();
    }

    private async Task<bool> RunAsync(CustodianClient device, CrashOperation what)
    {
        switch (what)
        {
            case CrashOperation.Enrol:
                (await device.EnrollAsync(_key, Old)).Dispose();
                return true;
            case CrashOperation.ChangeSecret:
                (await device.ChangeSecretAsync(Old, New)).Dispose();
                return true;
            case CrashOperation.Recover:
                using (RecoverResult recovered = await device.RecoverAsync(Old))
                {
                    return recovered.PrivateKey.FixedTimeEquals(_key);
                }

            case CrashOperation.DeleteBySecret:
                return (await device.DeleteAsync(Old)).IsComplete;
            default:
                return (await device.DeleteAsync(_ownerKey!)).IsComplete;
        }
    }

    private async Task VerifyEnrolmentAsync(bool reported)
    {
        bool recovers = await OpensAsync(Old);
        Assert.True(recovers || !reported, "an enrolment that reported success does not recover");
        await using CustodianClient device = Device();
        if (recovers)
        {
            await Assert.ThrowsAsync<AlreadyEnrolledException>(() => device.EnrollAsync(_key, Next));
            if (!reported)
            {
                // It may have come to no more nodes than recover it. A change of the secret brings it to the rest.
                await AgainAsync(() => device.ChangeSecretAsync(Old, Next));
                Assert.True(await OpensAsync(Next), "the change after the recovery is not in effect");
            }
        }
        else
        {
            await AgainAsync(() => device.EnrollAsync(_key, Next));
            Assert.True(await OpensAsync(Next), "the second enrolment does not recover");
        }

        await AllIsWellAsync();
    }

    private async Task VerifyChangeAsync(bool reported)
    {
        // Either may be tried first: what the first try leaves must not spoil the other.
        string[] order = Subject[^1] % 2 == 0 || reported ? [New, Old] : [Old, New];
        string? opened = null;
        foreach (string secret in order)
        {
            opened ??= await OpensAsync(secret) ? secret : null;
        }

        Assert.True(opened is not null, "neither the old nor the new secret recovers");
        Assert.True(!reported || opened == New, "a change that reported success is not in effect");
        await using CustodianClient device = Device();
        try
        {
            await AgainAsync(() => device.ChangeSecretAsync(opened, Next));
        }
        catch (EnrollmentRefusedException refused) when (refused.IsOfReplacedRecord)
        {
            // Only where the change was in effect when it died and the old record is gone from some nodes: no key for theirs comes with the
            // old secret. The person is told to use the new one, and that does all that is asked of it.
            Assert.Equal((Old, false), (opened, reported));
            Assert.True(await OpensAsync(New), "the change is said to be in effect, and its secret does not recover");
            await AgainAsync(() => device.ChangeSecretAsync(New, Next));
        }

        Assert.True(await OpensAsync(Next), "the second change is not in effect");
        await AllIsWellAsync();
    }

    private async Task VerifyDeletionAsync(bool reported)
    {
        bool recovers = await OpensAsync(Old);
        Assert.True(!recovers || !reported, "a deletion that reported success is not one");
        await using CustodianClient device = Device();
        try
        {
            // By the secret as long as that recovers; what fewer than a threshold of nodes hold is the owner key's to delete.
            bool complete = await RunAsync(device, recovers ? _operation : CrashOperation.DeleteByOwnerKey);
            Assert.True(complete, "the second deletion left something");
        }
        catch (RecordNotFoundException)
        {
            Assert.False(recovers, "a record that recovers was not found");
        }

        Assert.All((await device.DescribeAsync()).AtNodes.Values, held => Assert.Empty(held));
        (await device.EnrollAsync(_key, Next)).Dispose();
        Assert.True(await OpensAsync(Next), "an enrolment after the deletion does not recover");
    }

    private async Task AgainAsync(Func<Task<EnrollResult>> command) => (await PatientlyAsync(command)).Dispose();

    /// <summary>Whether a secret recovers the key on a new device. Everything settles before this returns.</summary>
    private async Task<bool> OpensAsync(string secret)
    {
        await using CustodianClient device = Device();
        try
        {
            using RecoverResult recovered = await device.RecoverAsync(secret);
            Assert.True(recovered.PrivateKey.FixedTimeEquals(_key), "another key came back");
            return true;
        }
        catch (Exception no) when (no is WrongSecretException or RecordNotFoundException or TooFewNodesException)
        {
            return false;
        }
    }

    private async Task NoCounterIsBelowTheTruthAsync()
    {
        await using CustodianClient device = Device();
        AccountDescription account = await device.DescribeAsync();
        for (int i = 0; i < _bench.Realm.Nodes.Count; i++)
        {
            var node = Protocol.NodeId.Parse(_bench.Realm.Nodes[i].NodeId);
            foreach (RecordAtNode shown in account.AtNodes[node])
            {
                int evaluated = Script.ChargedAt(i, ByteString.CopyFrom(shown.Record.Id.ToArray()));
                Assert.Equal(evaluated, MaxAttempts - shown.AttemptsLeft);
            }
        }
    }

    /// <summary>One record, in effect everywhere, with all its attempts: nothing is left of what was begun.</summary>
    private async Task AllIsWellAsync()
    {
        await using CustodianClient device = Device();
        AccountDescription account = await device.DescribeAsync();
        Assert.Equal(_bench.Realm.Nodes.Count, account.AtNodes.Count);
        Assert.All(account.AtNodes, node =>
        {
            RecordAtNode only = Assert.Single(node.Value);
            Assert.Equal((Client.RecordState.Active, MaxAttempts), (only.State, only.AttemptsLeft));
        });
    }

    /// <summary>
    /// A client with time for nodes that a busy machine makes slow: only what crashed may be missing, or a record that is there would count
    /// as one that does not recover.
    /// </summary>
    private CustodianClient Device(Action<CustodianClientOptions>? change = null) => _bench.Realm.Client(Subject, o =>
    {
        o.ConnectTimeout = o.AttemptTimeout = o.Patience = TimeSpan.FromMinutes(5);
        change?.Invoke(o);
    });
}
