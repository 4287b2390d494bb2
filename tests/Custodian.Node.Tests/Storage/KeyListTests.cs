using System.Globalization;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Tests.Storage;

/// <summary>The list of the node's keys in its database: whole as the node wrote it, or none.</summary>
public sealed class KeyListTests : IDisposable
{
    private static readonly TokenKey Seal = new(KeyPurpose.Seal, 1, "00ff");
    private static readonly TokenKey Wrap = new(KeyPurpose.Wrap, 1, "");
    private static readonly TokenKey Audit = new(KeyPurpose.Audit, uint.MaxValue, "04aa");

    private readonly StoreFolder _folder = new();
    private readonly NodeSecrets _secrets;

    public KeyListTests() => _secrets = _folder.Secrets();

    [Fact]
    public void Write_List_IsReadAsItWasByPurposeAndVersion()
    {
        Write(KeyList.Of([Audit, Wrap, Seal with { Version = 2 }, Seal]).With(new ListedKey(Seal with { Version = 2 }, MayReseal: true)));

        KeyList read = Read()!;

        Assert.Equal([Seal, Seal with { Version = 2 }, Wrap, Audit], read.Authorised);
        Assert.Equal((false, true, false), (read.MayReseal(1), read.MayReseal(2), read.MayReseal(3)));
        Assert.Equal(Seal, read.Find(KeyPurpose.Seal, 1)!.Key);
        Assert.Null(read.Find(KeyPurpose.Wrap, 2));
    }

    [Fact]
    public void With_KeyOfAVersionThatIsThere_TakesItsPlace() => Assert.Equal(
        [Seal with { Identity = "11" }, Wrap], KeyList.Of([Seal, Wrap]).With(new ListedKey(Seal with { Identity = "11" }, MayReseal: false)).Authorised);

    [Fact]
    public void Read_AnyByteOfItChanged_IsNone()
    {
        Write(KeyList.Of([Seal, Wrap, Audit]));
        long length = _folder.Number("SELECT length(list) FROM key_list");
        Assert.True(length > 30);
        for (long at = 1; at <= length; at++)
        {
            Assert.NotNull(Read());
            _folder.Tamper(string.Create(
                CultureInfo.InvariantCulture, $"UPDATE key_list SET list = CAST(substr(list, 1, {at - 1}) || x'EE' || substr(list, {at + 1}) AS BLOB)"));
            Assert.Null(Read());
            Write(KeyList.Of([Seal, Wrap, Audit]));
        }
    }

    [Theory]
    [InlineData("DELETE FROM key_list")]
    [InlineData("UPDATE key_list SET list = x'', mac = x''")]
    [InlineData("UPDATE key_list SET list = zeroblob(4)")]
    [InlineData("UPDATE key_list SET list = CAST(substr(list, 1, length(list) - 16) AS BLOB)")]
    [InlineData("UPDATE key_list SET list = CAST(list || x'01000000090100000000' AS BLOB)")]
    public void Read_PutInOrTakenOut_IsNone(string sql)
    {
        Write(KeyList.Of([Seal, Wrap, Audit]));
        _folder.Tamper(sql);
        Assert.Null(Read());
    }

    [Fact]
    public void Read_ListOfAnotherDatabase_IsNone()
    {
        using var other = new StoreFolder();
        using NodeSecrets others = other.Secrets();
        using (SqliteConnection connection = _folder.Connect())
        {
            KeyList.Of([Seal, Wrap, Audit]).Write(connection, others);
        }

        Assert.Null(Read());
    }

    [Fact]
    public async Task Change_StopsInTheMidst_LeavesTheListOfBefore()
    {
        Write(KeyList.Of([Seal]));
        await using SqliteAccountStore store = _folder.Open();

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => store.ChangeKeyListAsync(_ => throw new InvalidOperationException("stop"), CancellationToken.None));
        Assert.Equal([Seal], (await store.ReadKeyListAsync(CancellationToken.None))!.Authorised);

        await store.ChangeKeyListAsync(list => list!.With(new ListedKey(Wrap, false)), CancellationToken.None);
        Assert.Equal([Seal, Wrap], (await store.ReadKeyListAsync(CancellationToken.None))!.Authorised);
    }

    [Fact]
    public void FirstOf_VersionsOne_AndOfTwoThatCouldBeItNeither()
    {
        TokenKey[] fit = [Seal, Seal with { Identity = "11" }, Wrap, Audit with { Version = 1 }];

        Assert.Equal([Wrap, Audit with { Version = 1 }], KeyList.FirstOf(new KeyInventory(fit, []), _folder.Options).Authorised);
        foreach (TokenKey later in fit.Select(key => key with { Version = 2 }))
        {
            Assert.Empty(KeyList.FirstOf(new KeyInventory([.. fit, later], []), _folder.Options).Authorised);
        }
    }

    /// <summary>The records are gone through a page at a time.</summary>
    [Fact]
    public async Task Use_MoreRecordsThanAPageHas_CountsEach()
    {
        await using SqliteAccountStore store = _folder.Open();
        const int Count = 2001;
        await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => AddAsync(store)));

        KeyUse use = await store.ReadKeyUseAsync(CancellationToken.None);

        Assert.Equal(Count, use.Unreadable + use.Records.Sum(r => r.Count));
    }

    public void Dispose()
    {
        _secrets.Dispose();
        _folder.Dispose();
    }

    private static async Task AddAsync(SqliteAccountStore store)
    {
        AccountId account = Samples.NewAccount();
        await store.AddAsync(account, Samples.Record(account));
    }

    private void Write(KeyList list)
    {
        using SqliteConnection connection = _folder.Connect();
        list.Write(connection, _secrets);
    }

    private KeyList? Read() => KeyList.Read(_folder.Options, _secrets);
}
