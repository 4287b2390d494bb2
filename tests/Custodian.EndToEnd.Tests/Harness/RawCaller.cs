using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>Calls one node with nothing between the test and the wire: no retries, no checks, any token.</summary>
internal sealed class RawCaller : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly Func<string?> _token;

    /// <param name="address">https://127.0.0.1:port.</param>
    /// <param name="caFile">The authority to trust, PEM.</param>
    /// <param name="token">The bearer token of each call; null sends none.</param>
    internal RawCaller(string address, string caFile, Func<string?> token)
    {
        _token = token;
        _channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true, SslOptions = Trust(caFile) },
            DisposeHttpClient = true,
        });
        Client = new Custody.CustodyClient(_channel);
    }

    internal Custody.CustodyClient Client { get; }

    /// <summary>The subject of its tokens, where a test needs to know it again.</summary>
    internal string? Subject { get; init; }

    /// <summary>The channel, for services other than Custody.</summary>
    internal GrpcChannel Channel => _channel;

    /// <summary>The call's headers, with the token.</summary>
    internal Metadata Headers
    {
        get
        {
            var headers = new Metadata();
            if (_token() is { } token)
            {
                headers.Add("authorization", $"Bearer {token}");
            }

            return headers;
        }
    }

    internal static SslClientAuthenticationOptions Trust(string caFile)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(caFile);
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy, EnabledSslProtocols = SslProtocols.Tls13 };
    }

    public void Dispose() => _channel.Dispose();
}

/// <summary>A refusal as it came over the wire.</summary>
/// <param name="Status">The gRPC status.</param>
/// <param name="Reason">The reason of section 13.</param>
/// <param name="Field">The field, for INVALID_REQUEST.</param>
/// <param name="RequestId">What the node calls the request in its log.</param>
/// <param name="RetryAfter">The delay of RetryInfo.</param>
internal sealed record WireRefusal(StatusCode Status, string Reason, string? Field, string? RequestId, TimeSpan? RetryAfter)
{
    internal static WireRefusal Of(RpcException error)
    {
        byte[] details = error.Trailers.GetValueBytes("grpc-status-details-bin")
            ?? throw new InvalidOperationException($"no details came with {error.Status}");
        var status = Protocol.Wire.Status.Parser.ParseFrom(details);
        ErrorInfo info = status.Details.Single(d => d.Is(ErrorInfo.Descriptor)).Unpack<ErrorInfo>();
        RetryInfo? retry = status.Details.SingleOrDefault(d => d.Is(RetryInfo.Descriptor))?.Unpack<RetryInfo>();
        Assert.Equal(Refusals.Domain, info.Domain);
        return new WireRefusal(
            error.StatusCode,
            info.Reason,
            info.Metadata.GetValueOrDefault("field"),
            info.Metadata.GetValueOrDefault("request_id"),
            retry?.RetryDelay.ToTimeSpan());
    }

    /// <summary>The refusal of a call that must be refused.</summary>
    internal static async Task<WireRefusal> OfAsync<T>(AsyncUnaryCall<T> call) =>
        Of(await Assert.ThrowsAsync<RpcException>(async () => await call));
}
