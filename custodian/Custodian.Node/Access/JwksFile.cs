using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Custodian.Node.Access;

/// <summary>An issuer's public keys from a JWKS file. The file is read again when it has changed, so that keys rotate without a restart.</summary>
/// <remarks>
/// A file that is away, empty or half written changes nothing: the last good keys stay in use until there are others. To take a key back,
/// write a file without it.
/// </remarks>
internal sealed class JwksFile(string issuer, string path, ILogger logger) : IConfigurationManager<OpenIdConnectConfiguration>
{
    private readonly OpenIdConnectConfiguration _noKeys = new() { Issuer = issuer };
    private volatile Snapshot? _good;
    private volatile Stamp? _unusable;

    /// <summary>What tells one state of the file from the next; all defaults when it is away.</summary>
    private sealed record Stamp(DateTime WrittenUtc, long Length)
    {
        internal static Stamp Of(string path)
        {
            var file = new FileInfo(path);
            return file.Exists ? new Stamp(file.LastWriteTimeUtc, file.Length) : new Stamp(default, 0);
        }
    }

    private sealed record Snapshot(Stamp Stamp, OpenIdConnectConfiguration Configuration);

    /// <summary>The keys to check with now; none where there were never any. Does not throw for what is in the file.</summary>
    public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel)
    {
        // Taken before the file is read: what is written meanwhile has another stamp, and the next call reads it.
        Stamp? stamp = null;
        try
        {
            stamp = Stamp.Of(path);
            if (_good is not { } known || known.Stamp != stamp)
            {
                // Not ended with the call that happens to come first: one caller's going away is no fault of the file.
                _good = new Snapshot(stamp, Parse(issuer, await File.ReadAllTextAsync(path, CancellationToken.None)));
                _unusable = null;
            }
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested)
        {
            Report(stamp ?? new Stamp(default, 0), failure);
        }

        return _good?.Configuration ?? _noKeys;
    }

    /// <summary>Nothing: a token with an unknown key must not make the node read a file again that has not changed.</summary>
    public void RequestRefresh()
    {
    }

    /// <summary>The issuer's keys.</summary>
    /// <exception cref="ArgumentException">This is no JSON of a JWKS.</exception>
    /// <exception cref="InvalidDataException">There is no key for signatures in it.</exception>
    internal static OpenIdConnectConfiguration Parse(string issuer, string json)
    {
        var configuration = new OpenIdConnectConfiguration { Issuer = issuer, JsonWebKeySet = new JsonWebKeySet(json) };
        foreach (SecurityKey key in configuration.JsonWebKeySet.GetSigningKeys())
        {
            configuration.SigningKeys.Add(key);
        }

        return configuration.SigningKeys.Count > 0 ? configuration : throw new InvalidDataException("there is no key for signatures in it");
    }

    private void Report(Stamp stamp, Exception failure)
    {
        if (_unusable != stamp)
        {
            _unusable = stamp;
            AccessLog.JwksUnusable(logger, path, failure);
        }
    }
}
