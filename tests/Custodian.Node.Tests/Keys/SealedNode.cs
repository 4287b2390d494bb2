using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Api.Calls;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Storage;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Tests;
using Custodian.Pkcs11.Tests.SoftHsm;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Custodian.Node.Tests.Keys;

/// <summary>A record whose sealed part is the HSM's, what it evaluates to at the generator, and the share that comes with it.</summary>
internal sealed record SealedRecord(AccountId Account, StoredRecord Record, byte[] Evaluated, byte[] MaskedShare);

/// <summary>A token, an HSM and a database with records that the HSM sealed, and no server.</summary>
internal sealed class SealedNode : IAsyncDisposable
{
    internal static readonly NodeId Node = NodeId.Parse("node-a.example");

    private static readonly byte[] Generator = Convert.FromHexString(
        "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C2964FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5");

    private readonly SoftHsmToken _token = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("custodian-sealed-").FullName;
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    private SealedNode() => Options = new SqliteStoreOptions { Path = Path.Combine(_folder, "custodian.db") };

    internal SqliteStoreOptions Options { get; }

    internal CuedHsm Hsm { get; private set; } = null!;

    internal SqliteAccountStore Store { get; private set; } = null!;

    internal TestLog Log { get; } = new();

    internal IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    internal static async Task<SealedNode> OpenAsync(EvaluationMode mode = EvaluationMode.Hsm)
    {
        var node = new SealedNode();
        await node._token.CreateKeysAsync(mode);
        node.Hsm = new CuedHsm(await Pkcs11Hsm.OpenAsync(node._token.Options(sessions: 4, evaluation: mode), CancellationToken.None));
        await NodeDatabase.CreateAsync(node.Options, Node, node.Hsm, TimeProvider.System);
        node.Store = await StoreFolder.OpenAsync(node.Options, node.Hsm);
        return node;
    }

    /// <summary>Ends the store as a kill would for its callers, and opens another on what it left.</summary>
    /// <param name="migrate">Whether an older schema is brought forward.</param>
    internal async Task ReopenAsync(bool migrate = false)
    {
        await Store.DisposeAsync();
        Store = await StoreFolder.OpenAsync(Options with { Migrate = migrate }, Hsm);
    }

    /// <summary>Stores a record for a new account, as Deposit and Activate would.</summary>
    internal async Task<SealedRecord> AddAsync()
    {
        AccountId account = Samples.NewAccount();
        StoredRecord record = Samples.Record(account, maxAttempts: 100);
        byte[] aad = HsmContext.OfRecord(Node, Store.RowOf(account).Span, record.Id);
        PreparedKey prepared = await AdmittedAsync(admission => Hsm.PrepareAsync(admission, Generator, long.MaxValue, aad));
        byte[] share = RandomNumberGenerator.GetBytes(32);
        AdoptedKey adopted = await AdmittedAsync(admission => Hsm.AdoptAsync(admission, prepared.SealedKey, 0, aad, share, aad));
        var added = new SealedRecord(account, record with { SealedPart = adopted.SealedRecord! }, prepared.Evaluated, share);
        await Store.AddAsync(account, added.Record);
        return added;
    }

    internal async Task<List<SealedRecord>> AddAsync(int count)
    {
        List<SealedRecord> records = [];
        while (records.Count < count)
        {
            records.Add(await AddAsync());
        }

        return records;
    }

    /// <summary>Makes the next seal key beside the open HSM, which takes it up.</summary>
    internal async Task<uint> RotateSealAsync(bool mayReseal = true)
    {
        uint next = (await Hsm.RefreshKeysAsync()).Newest(KeyPurpose.Seal) + 1;
        await ListAsync(TokenVersions.MakeInSoftHsm(KeyPurpose.Seal, next), mayReseal);
        Assert.Equal(next, (await Hsm.RefreshKeysAsync((await Store.ReadKeyListAsync(CancellationToken.None))!.Authorised)).Newest(KeyPurpose.Seal));
        return next;
    }

    /// <summary>Lists a key in the database.</summary>
    internal Task ListAsync(TokenKey key, bool mayReseal) =>
        Store.ChangeKeyListAsync(list => list!.With(new ListedKey(key, mayReseal)), CancellationToken.None);

    /// <summary>Does to the database what no node would.</summary>
    internal void Tamper(string sql)
    {
        using SqliteConnection connection = Connect();
        connection.Run(sql);
    }

    /// <summary>What puts the list back as it lies there now.</summary>
    internal string PutBackOfTheList() => Read("SELECT 'UPDATE key_list SET list = ' || quote(list) || ', mac = ' || quote(mac) FROM key_list");

    /// <summary>What puts the sealed part of the first slot back as it lies there now.</summary>
    internal string PutBackOfTheFirstPart() => Read("SELECT 'UPDATE sealed_parts SET part = ' || quote(part) || ' WHERE slot = 1' FROM sealed_parts WHERE slot = 1");

    /// <summary>What a verification says of the keys.</summary>
    internal async Task<IReadOnlyList<Finding>> FindingsOfKeysAsync()
    {
        using NodeSecrets secrets = await NodeDatabase.OpenSecretsAsync(Options, NodeDatabase.ReadIdentity(Options), Hsm);
        var report = new VerificationReport();
        KeyVersionCheck.Run(Options, secrets, await Hsm.RefreshKeysAsync(), report);
        return report.Findings;
    }

    internal KeyWatch Watch(int rate = 100_000, TimeSpan? interval = null, TimeSpan? lookAgain = null) => new(
        Hsm,
        Store,
        new ResealPace(rate)
        {
            SecondLook = TimeSpan.FromMilliseconds(50), LookAgain = lookAgain ?? TimeSpan.FromMinutes(10), Pause = TimeSpan.FromMilliseconds(10),
        },
        new KeyMetrics(Meters), new LoggerFactory([Log]).CreateLogger("keys"), interval);

    internal Task<KeyUse> UseAsync() => Store.ReadKeyUseAsync(CancellationToken.None);

    /// <summary>Ends when nothing is under an older seal key, but for so many records.</summary>
    internal Task ResealedAsync(uint version, long but = 0) => Eventually.HoldsAsync(async () =>
    {
        KeyUse use = await UseAsync();
        return use.SealedBefore(version) == but && use.HoldsSecrets(KeyPurpose.Seal, version);
    });

    /// <summary>That the record evaluates to what it did when it was made.</summary>
    internal async Task AssertEvaluatesAsync(SealedRecord made)
    {
        StoredRecord record = (await Store.ReadAsync(made.Account)).Find(made.Record.Id)!;
        byte[] aad = HsmContext.OfRecord(Node, Store.RowOf(made.Account).Span, record.Id);
        Evaluation evaluation = await AdmittedAsync(admission => Hsm.EvaluateAsync(admission, record.SealedPart, aad, Generator));
        Assert.Equal(made.Evaluated, evaluation.Evaluated);
        Assert.Equal(made.MaskedShare, evaluation.MaskedShare);
    }

    /// <summary>That a whole verification finds nothing, and the HSM opens so many sealed parts.</summary>
    internal async Task AssertSoundAsync(long sealedParts)
    {
        var progress = new VerificationProgress(_ => { }, TimeProvider.System);
        using NodeSecrets secrets = await NodeDatabase.OpenSecretsAsync(Options, NodeDatabase.ReadIdentity(Options), Hsm);
        VerificationReport report = new DatabaseVerifier(Options, secrets, progress).Run(CancellationToken.None);
        KeyVersionCheck.Run(Options, secrets, await Hsm.RefreshKeysAsync(), report);
        await new SealedPartCheck(Node, Hsm).RunAsync(Options, report, progress, CancellationToken.None);
        Assert.True(report.IsSound, string.Join('\n', report.Findings));
        Assert.Equal(sealedParts, report.SealedParts);
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await Hsm.DisposeAsync();
        await _services.DisposeAsync();
        _token.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Read(string sql)
    {
        using SqliteConnection connection = Connect();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return (string)command.ExecuteScalar()!;
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection($"Data Source={Options.Path};Pooling=False");
        connection.Open();
        return connection;
    }

    private async Task<T> AdmittedAsync<T>(Func<HsmAdmission, ValueTask<T>> operation)
    {
        using HsmAdmission admission = (await Hsm.AdmitAsync(CancellationToken.None))!;
        return await operation(admission);
    }
}
