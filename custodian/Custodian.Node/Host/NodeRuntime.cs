using System.Collections.Frozen;
using System.Diagnostics.Metrics;
using Custodian.Node.Api;
using Custodian.Node.Api.Health;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Isolation;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Node.Host;

/// <summary>What a command of a node stands on: the HSM and the database that only it opens.</summary>
internal sealed class NodeRuntime : IAsyncDisposable
{
    /// <summary>How long the end waits for operations that the HSM still has. The calls they served are over by then.</summary>
    private static readonly TimeSpan HsmPatience = TimeSpan.FromSeconds(10);

    private readonly NodeConfiguration _configuration;
    private readonly ServiceProvider _metering;

    private NodeRuntime(
        NodeConfiguration configuration, OpenHsm hsm, SqliteAccountStore store, ServiceProvider metering, Readiness readiness) =>
        (_configuration, Hsm, Token, Store, _metering, Readiness) = (configuration, hsm.Hsm, hsm.Token, store, metering, readiness);

    internal IHsm Hsm { get; }

    internal TokenDescription Token { get; }

    /// <summary>Where records' keys are evaluated; authentic, since the HSM has opened the database in it.</summary>
    internal EvaluationMode Evaluation { get; private init; }

    internal SqliteAccountStore Store { get; }

    internal Readiness Readiness { get; }

    /// <summary>After which no call of before is under way any more.</summary>
    internal TimeSpan CallTime => _configuration.CallTime;

    /// <summary>Whether the HSM comes back by itself from a failure, or must be opened anew.</summary>
    internal bool HsmHeals => Hsm is IsolatedHsm;

    /// <summary>Completes when a COMMIT failed: the node must stop.</summary>
    internal Task StoreFailure => Store.Failed;

    /// <summary>Logs in to the token and opens the database.</summary>
    /// <param name="configuration">Which token and database.</param>
    /// <param name="cancellation">Checked before the token is touched.</param>
    /// <param name="migrate">Whether an older schema is brought forward, as only <c>serve</c> and <c>restore</c> may, or refused.</param>
    /// <param name="isolate">Whether the PKCS#11 module may have a process of its own, as the settings say: for <c>serve</c>.</param>
    /// <param name="pin">The PIN, of a command that needs it more than once: its source may give it once only.</param>
    /// <exception cref="NodeStartException">There is no PIN; or, for <c>serve</c>, it is not known which keys the node may make new things under.</exception>
    /// <exception cref="HsmException">The token does not work, or the PIN is wrong: it was tried once.</exception>
    /// <exception cref="StorageException">There is no database of this node, or its schema is not this program's.</exception>
    internal static async Task<NodeRuntime> OpenAsync(
        NodeConfiguration configuration, CancellationToken cancellation, bool migrate = false, bool isolate = false, HsmPin? pin = null)
    {
        RequireDatabase(configuration);
        ServiceProvider metering = new ServiceCollection().AddMetrics().AddLogging(l => l.AddNodeLog(toStandardError: !isolate)).BuildServiceProvider();
        var readiness = new Readiness();
        OpenHsm? hsm = null;
        SqliteAccountStore? store = null;
        try
        {
            var watch = new HsmWatch(readiness, new HsmMetrics(metering.GetRequiredService<IMeterFactory>()), metering.GetRequiredService<ILogger<HsmWatch>>());
            SqliteStoreOptions database = StoreOptions(configuration);
            EvaluationMode mode = NodeMode.Claimed(database);
            using HsmPin? read = pin is null ? PinSource.Read(configuration.Hsm.PinFile) : null;
            Pkcs11HsmOptions options = HsmOptions(configuration.Hsm, pin ?? read!, mode);
            hsm = await OpenHsm.OpenAsync(configuration.Hsm, options, isolate && !configuration.Hsm.Isolation.InProcess, watch, cancellation);
            store = await SqliteAccountStore.OpenAsync(
                database with { Migrate = migrate },
                hsm.Hsm,
                new StoreMetrics(metering.GetRequiredService<IMeterFactory>()),
                TimeProvider.System,
                metering.GetRequiredService<ILogger<SqliteAccountStore>>());
            var runtime = RequireOwn(new NodeRuntime(configuration, hsm, store, metering, readiness) { Evaluation = mode });
            if (isolate && (await runtime.ReadKeysAsync(cancellation)).Refusal is { } refusal)
            {
                throw new NodeStartException(refusal);
            }

            return runtime;
        }
        catch
        {
            if (store is not null)
            {
                await store.DisposeAsync();
            }

            if (hsm is not null)
            {
                await hsm.Hsm.DisposeAsync();
            }

            await metering.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// What the database says of the node's keys beside what the token has; the HSM makes new things under those from then on. Until this
    /// was called it opens what there is, and makes nothing.
    /// </summary>
    internal Task<KeyStanding> ReadKeysAsync(CancellationToken cancellation) => KeyStanding.ReadAsync(Store, Hsm, cancellation);

    /// <summary>Options for the token of a node whose database is there, in the mode that it claims.</summary>
    internal static Pkcs11HsmOptions HsmOptions(NodeConfiguration configuration, HsmPin pin, IReadOnlyList<TokenKey> authorised) =>
        HsmOptions(configuration.Hsm, pin, NodeMode.Claimed(StoreOptions(configuration)), authorised);

    internal static Pkcs11HsmOptions HsmOptions(
        HsmSettings hsm, HsmPin pin, EvaluationMode mode, IReadOnlyList<TokenKey>? authorised = null) => new()
    {
        ModulePath = hsm.Module,
        TokenLabel = hsm.TokenLabel,
        Pin = pin,
        Evaluation = mode,
        Authorised = authorised,
        Sessions = hsm.Sessions,
        MaxWaiting = hsm.MaxWaiting,
        MaxAdmitted = hsm.MaxAdmitted,
        AdmissionWait = TimeSpan.FromMilliseconds(hsm.WaitMs),
    };

    /// <summary>A store on a database that is not the node's yet.</summary>
    internal sealed record OpenStore(SqliteAccountStore Store, ServiceProvider Metering) : IAsyncDisposable
    {
        /// <inheritdoc/>
        public async ValueTask DisposeAsync()
        {
            await Store.DisposeAsync();
            await Metering.DisposeAsync();
        }
    }

    /// <summary>Opens a store on a database beside the node's own.</summary>
    /// <exception cref="HsmException">The HSM does not open its secrets.</exception>
    /// <exception cref="StorageException">It cannot be opened.</exception>
    internal static async Task<OpenStore> OpenStoreAsync(SqliteStoreOptions options, Pkcs11Hsm hsm)
    {
        // What the store logs of a restoration the command itself says, in words for a terminal.
        ServiceProvider metering = new ServiceCollection().AddMetrics().BuildServiceProvider();
        try
        {
            var metrics = new StoreMetrics(metering.GetRequiredService<IMeterFactory>());
            return new OpenStore(
                await SqliteAccountStore.OpenAsync(options, hsm, metrics, TimeProvider.System, NullLogger<SqliteAccountStore>.Instance), metering);
        }
        catch
        {
            await metering.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has the HSM open the secrets of a database that must be this node's.</summary>
    /// <exception cref="NodeStartException">It is another node's.</exception>
    /// <exception cref="StorageException">It is no node's database, sealed by another HSM, or cannot be read.</exception>
    internal static async Task<NodeSecrets> OpenSecretsAsync(NodeConfiguration configuration, SqliteStoreOptions options, IHsm hsm)
    {
        NodeIdentity identity = NodeDatabase.ReadIdentity(options);
        if (identity.Node != configuration.NodeId)
        {
            throw new NodeStartException($"{options.Path} is of node {identity.Node}, not of {configuration.NodeId}; check that it is the right file and configuration");
        }

        return await NodeDatabase.OpenSecretsAsync(options, identity, hsm);
    }

    internal static void MakeDataFolder(NodeConfiguration configuration) =>
        Directory.CreateDirectory(configuration.DataFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    /// <summary>Makes the database with new secrets, sealed by the HSM.</summary>
    internal static Task CreateDatabaseAsync(NodeConfiguration configuration, IHsm hsm, IReadOnlyList<TokenKey> keys)
    {
        MakeDataFolder(configuration);
        return NodeDatabase.CreateAsync(StoreOptions(configuration), configuration.NodeId, hsm, TimeProvider.System, keys);
    }

    internal static SqliteStoreOptions StoreOptions(NodeConfiguration configuration) => new()
    {
        Path = configuration.DatabaseFile,
        MaxPageCount = configuration.MaxDatabasePages,
        QueueLength = configuration.DatabaseQueue,
    };

    /// <summary>Registers what the API asks for.</summary>
    internal void AddTo(IServiceCollection services)
    {
        services.AddSingleton<IHsm>(Hsm);
        services.AddSingleton<IAccountStore>(Store);
        services.AddSingleton(Readiness);
        services.AddSingleton(_configuration.Limits.Calls);
        services.AddCustodyApi(new NodeProfile(_configuration.NodeId, _configuration.Sets.ToFrozenSet(), _configuration.Attempts)
        {
            LongestWait = _configuration.Deadlines.CallWait,
        });
    }

    /// <summary>Begins to watch the HSM's keys, and to bring what is under older ones under the newest.</summary>
    internal KeyWatch WatchKeys(WebApplication app) => new(
        Hsm, Store, new ResealPace(_configuration.Hsm.ResealRate) { SecondLook = CallTime }, new KeyMetrics(app.Services.GetRequiredService<IMeterFactory>()), app.Logger);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await LeaveHsmAsync();
        await _metering.DisposeAsync();
    }

    /// <summary>An HSM that hangs must not keep the process: its threads end with it, and its token closes the sessions of a lost host.</summary>
    private async Task LeaveHsmAsync()
    {
        try
        {
            await Hsm.DisposeAsync().AsTask().WaitAsync(HsmPatience, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            HostLog.HsmLeft(_metering.GetRequiredService<ILogger<NodeRuntime>>(), HsmPatience);
        }
    }

    private static void RequireDatabase(NodeConfiguration configuration)
    {
        if (!File.Exists(configuration.DatabaseFile))
        {
            throw new NodeStartException($"there is no database {configuration.DatabaseFile}; run 'custodian init' once, or restore a backup");
        }
    }

    private static NodeRuntime RequireOwn(NodeRuntime runtime)
    {
        if (runtime.Store.Node == runtime._configuration.NodeId)
        {
            return runtime;
        }

        throw new NodeStartException($"the database is that of node {runtime.Store.Node}, not of {runtime._configuration.NodeId}; check node_id and data");
    }
}
