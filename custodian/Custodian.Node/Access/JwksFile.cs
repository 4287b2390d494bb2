using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Custodian.Node.Access;

/// <summary>An issuer's public keys from a JWKS file. The file is read again when it has changed, so that keys rotate without a restart.</summary>
internal sealed class JwksFile(string issuer, string path) : IConfigurationManager<OpenIdConnectConfiguration>
{
    private volatile Snapshot? _snapshot;

    private sealed record Snapshot(DateTime WrittenUtc, long Length, OpenIdConnectConfiguration Configuration);

    /// <inheritdoc/>
    public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel)
    {
        var file = new FileInfo(path);
        if (_snapshot is { } known && known.WrittenUtc == file.LastWriteTimeUtc && known.Length == file.Length)
        {
            return known.Configuration;
        }

        string json = await File.ReadAllTextAsync(path, cancel);
        var configuration = new OpenIdConnectConfiguration { Issuer = issuer, JsonWebKeySet = new JsonWebKeySet(json) };
        foreach (SecurityKey key in configuration.JsonWebKeySet.GetSigningKeys())
        {
            configuration.SigningKeys.Add(key);
        }

        _snapshot = new Snapshot(file.LastWriteTimeUtc, file.Length, configuration);
        return configuration;
    }

    /// <inheritdoc/>
    public void RequestRefresh() => _snapshot = null;
}
