using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Custodian.Core;
using Custodian.Node.Access;
using Custodian.Node.Api;
using Custodian.Node.Api.Health;
using Custodian.Node.Api.Rates;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Records;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Tests.SoftHsm;
using Custodian.Protocol;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Node.Tests.Api.Node;

/// <summary>
/// A node in this process, for a whole test class: Kestrel with TLS 1.3 on a free loopback port, a SoftHSM token and an SQLite database of
/// its own. Tests keep apart by their subjects.
/// </summary>
public sealed class TestNode : IAsyncLifetime, IDisposable
{
    private readonly SoftHsmToken _token = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("custodian-api-").FullName;
    private readonly X509Certificate2 _certificate = SelfSigned();
    private WebApplication? _app;

    /// <summary>The database's limit in pages; 0 for none.</summary>
    internal int MaxPages { get; init; }

    /// <summary>How many calls may wait for the database's writer.</summary>
    internal int StoreQueue { get; init; } = 1024;

    /// <summary>What calls are held against; nothing, unless a test says so.</summary>
    internal CallLimits Limits { get; init; } = new();

    internal string DatabaseFile => Path.Combine(_folder, "custodian.db");

    internal ManualClock Clock { get; } = new();

    internal TestLog Log { get; } = new();

    internal CuedHsm Hsm { get; private set; } = null!;

    internal SqliteAccountStore Store { get; private set; } = null!;

    internal GrpcChannel Channel { get; private set; } = null!;

    /// <summary>The node without gRPC between: for bytes that no gRPC client sends.</summary>
    internal HttpClient Http { get; private set; } = null!;

    internal TestAccess Access { get; } = new();

    internal RequestTap Tap { get; } = new();

    internal Readiness Readiness => _app!.Services.GetRequiredService<Readiness>();

    internal IServiceProvider Services => _app!.Services;

    /// <summary>A user of this node, with an account that no other test has.</summary>
    internal TestUser NewUser() => new(this, Channel, RandomNumberGenerator.GetHexString(12, lowercase: true));

    public async Task InitializeAsync()
    {
        await _token.CreateKeysAsync();
        Hsm = new CuedHsm(await Pkcs11Hsm.OpenAsync(_token.Options(sessions: 4), CancellationToken.None));
        var options = new SqliteStoreOptions { Path = DatabaseFile, MaxPageCount = MaxPages, QueueLength = StoreQueue };
        await NodeDatabase.CreateAsync(options, ClientRecord.Node, Hsm, Clock);
        _app = Build(options);
        Store = (SqliteAccountStore)_app.Services.GetRequiredService<IAccountStore>();
        await _app.StartAsync();
        Channel = ChannelOver(Handler());
        Http = new HttpClient(Handler())
        {
            BaseAddress = new Uri(Address),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    public async Task DisposeAsync()
    {
        Channel.Dispose();
        Http.Dispose();
        await _app!.DisposeAsync();
        await Hsm.DisposeAsync();
    }

    public void Dispose()
    {
        _token.Dispose();
        _certificate.Dispose();
        Log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private WebApplication Build(SqliteStoreOptions options)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(Log).SetMinimumLevel(LogLevel.Debug);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = _certificate;
            https.SslProtocols = SslProtocols.Tls13;
        })));
        builder.Services.AddSingleton<TimeProvider>(Clock);
        builder.Services.AddSingleton<IAccessCheck>(Access);
        builder.Services.AddSingleton<IHsm>(Hsm);
        builder.Services.AddSingleton<IAccountStore>(services => SqliteAccountStore.OpenAsync(
            options,
            Hsm,
            new StoreMetrics(services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>()),
            Clock,
            NullLogger<SqliteAccountStore>.Instance).GetAwaiter().GetResult());
        SetId[] sets = [ClientRecord.Set, SetId.Parse("acme-test")];
        builder.Services.AddSingleton(Limits);
        builder.Services.AddCustodyApi(new NodeProfile(ClientRecord.Node, sets.ToFrozenSet(), new AttemptPolicy()));
        builder.Services.AddSingleton(Tap);
        builder.Services.Configure<GrpcServiceOptions>(options => options.Interceptors.Add<RequestTap>());
        WebApplication app = builder.Build();
        app.MapCustodyApi();
        return app;
    }

    /// <summary>A channel of a client at another address.</summary>
    internal GrpcChannel ChannelFrom(IPAddress client)
    {
        SocketsHttpHandler handler = Handler();
        handler.ConnectCallback = async (context, cancellation) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(client, 0));
            await socket.ConnectAsync(context.DnsEndPoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        };
        return ChannelOver(handler);
    }

    private string Address => _app!.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    private GrpcChannel ChannelOver(SocketsHttpHandler handler) =>
        GrpcChannel.ForAddress(Address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });

    private SocketsHttpHandler Handler()
    {
        string thumbprint = _certificate.Thumbprint;
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback =
            (_, certificate, _, _) => ((X509Certificate2)certificate!).Thumbprint == thumbprint;
        return handler;
    }

    private static X509Certificate2 SelfSigned()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node-a.example", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}
