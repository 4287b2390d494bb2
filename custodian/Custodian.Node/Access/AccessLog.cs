namespace Custodian.Node.Access;

/// <summary>What the token check logs: about keys and providers, never about tokens or their users.</summary>
internal static partial class AccessLog
{
    [LoggerMessage(1, LogLevel.Error, "the JWKS file {Path} cannot be used; its last good keys stay in use, and without any the issuer's tokens are rejected")]
    internal static partial void JwksUnusable(ILogger logger, string path, Exception error);

    [LoggerMessage(2, LogLevel.Warning, "tokens of {Issuer} cannot be checked and are rejected: its OpenID provider does not answer or its keys cannot be had")]
    internal static partial void ProviderFails(ILogger logger, string issuer, Exception error);
}
