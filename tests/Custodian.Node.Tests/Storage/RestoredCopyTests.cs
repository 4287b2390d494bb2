using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Tests.Storage;

/// <summary>A copy's way from its mark to the operator's acceptance, and what a crash or a second start on the way leaves.</summary>
public sealed class RestoredCopyTests : IDisposable
{
    private readonly StoreFolder _folder = new();
    private readonly AccountId _account = Samples.NewAccount();
    private readonly StoredRecord _record;

    public RestoredCopyTests() => _record = Samples.Record(_account, maxAttempts: 10);

    [Fact]
    public async Task Open_OwnDatabase_AwaitsNothing()
    {
        await using SqliteAccountStore store = _folder.Open();
        Assert.False(store.AwaitsAcceptance);
        Assert.Null(await store.ReadRestorationAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Open_Copy_AwaitsAcceptanceOverRestartsAndSaysSinceWhenItIsBehind()
    {
        SqliteStoreOptions copy = await BackUpAsync();
        for (int start = 0; start < 3; start++)
        {
            _folder.Time.Ms += 60_000;
            await using SqliteAccountStore store = _folder.Open(copy);
            Restoration restoration = (await store.ReadRestorationAsync(CancellationToken.None))!;
            Assert.True(store.AwaitsAcceptance);
            Assert.Equal((1_790_000_005_000, 1_790_000_001_000, 0), (restoration.CopiedMs, restoration.BehindMs, restoration.AcceptedMs));
            Assert.Equal("attempts made since 2026-09-21T14:13:21Z are forgotten", restoration.Words);
            Assert.Equal(1u, (await store.ReadAsync(_account)).Records[0].AttemptsRemaining);
        }
    }

    [Fact]
    public async Task Accept_Copy_EndsTheWaitOnceAndForAllAndGivesNoAttempt()
    {
        SqliteStoreOptions copy = await BackUpAsync();
        await using (SqliteAccountStore store = _folder.Open(copy))
        {
            await store.AcceptRestorationAsync(CancellationToken.None);
            Assert.False(store.AwaitsAcceptance);
        }

        await using SqliteAccountStore again = _folder.Open(copy);
        Assert.False(again.AwaitsAcceptance);
        Assert.Equal(1u, (await again.ReadAsync(_account)).Records[0].AttemptsRemaining);
        StoreStatus status = await again.ReadStatusAsync(CancellationToken.None);
        Assert.Equal((1L, false), (status.LimitedRecords, status.Restoration!.AwaitsAcceptance));
    }

    [Fact]
    public async Task Open_CopyWithAnAccountUnderAKeyThatNoNodeGives_RestrainsThatToo()
    {
        _folder.Options = await BackUpAsync();
        _folder.Tamper("UPDATE records SET account = -1; UPDATE accounts SET id = -1");

        await using SqliteAccountStore store = _folder.Open();

        Assert.Equal(1u, (await store.ReadAsync(_account)).Records[0].AttemptsRemaining);
    }

    [Fact]
    public async Task ReadRestoration_AcceptedByAnotherProcess_EndsTheWaitWithoutARestart()
    {
        SqliteStoreOptions copy = await BackUpAsync();
        await using SqliteAccountStore serving = _folder.Open(copy);
        await using (SqliteAccountStore command = _folder.Open(copy))
        {
            await command.AcceptRestorationAsync(CancellationToken.None);
        }

        Assert.True(serving.AwaitsAcceptance);
        await serving.ReadRestorationAsync(CancellationToken.None);
        Assert.False(serving.AwaitsAcceptance);
    }

    [Fact]
    public async Task Backup_OfACopyThatWasNeverAccepted_StaysAsFarBehindAsThatOne()
    {
        SqliteStoreOptions first = await BackUpAsync();
        SqliteStoreOptions second = _folder.Options with { Path = _folder.PathOf("second.db") };
        await using (SqliteAccountStore store = _folder.Open(first))
        {
            _folder.Time.Ms += 3_600_000;
            await store.BackupAsync(second.Path, CancellationToken.None);
        }

        await using SqliteAccountStore opened = _folder.Open(second);
        Restoration restoration = (await opened.ReadRestorationAsync(CancellationToken.None))!;
        Assert.Equal((1_790_000_005_000, 1_790_000_001_000), (restoration.CopiedMs, restoration.BehindMs));
        Assert.Equal(1u, (await opened.ReadAsync(_account)).Records[0].AttemptsRemaining);
    }

    /// <summary>The states that a crash can leave between the first opening's steps: half the accounts restrained, and the mark as before.</summary>
    [Theory]
    [InlineData("UPDATE restoration SET behind_ms = 0")]
    [InlineData("UPDATE node SET is_copy = 1")]
    public async Task Open_CrashedBetweenTheStepsOfTheFirstOpening_GivesNoRecordMore(string undone)
    {
        SqliteStoreOptions copy = await BackUpAsync();
        await using (SqliteAccountStore store = _folder.Open(copy))
        {
            await store.EvaluateAsync(_account, _record.Id);
        }

        Run(copy, "UPDATE node SET is_copy = 1");
        Run(copy, undone);
        await using SqliteAccountStore again = _folder.Open(copy);
        Assert.Equal(0u, (await again.ReadAsync(_account)).Records[0].AttemptsRemaining);
        Assert.True(again.AwaitsAcceptance);
    }

    [Fact]
    public async Task Accept_CopyThatNoStoreHasOpened_DoesNothing()
    {
        SqliteStoreOptions copy = await BackUpAsync();
        using (SqliteConnection connection = SqliteConnections.OpenWriter(copy))
        {
            RestoredCopy.Accept(connection, 5);
        }

        await using SqliteAccountStore store = _folder.Open(copy);
        Assert.True(store.AwaitsAcceptance);
        Assert.Equal(1u, (await store.ReadAsync(_account)).Records[0].AttemptsRemaining);
    }

    public void Dispose() => _folder.Dispose();

    private static void Run(SqliteStoreOptions options, string sql)
    {
        using SqliteConnection connection = SqliteConnections.Open(options);
        connection.Run(sql);
    }

    /// <summary>A backup made four seconds after the last entry.</summary>
    private async Task<SqliteStoreOptions> BackUpAsync()
    {
        SqliteStoreOptions copy = _folder.Options with { Path = _folder.PathOf("copy.db") };
        await using SqliteAccountStore store = _folder.Open();
        await store.AddAsync(_account, _record);
        _folder.Time.Ms = 1_790_000_001_000;
        await store.EvaluateAsync(_account, _record.Id);
        _folder.Time.Ms = 1_790_000_005_000;
        await store.BackupAsync(copy.Path, CancellationToken.None);
        return copy;
    }
}
