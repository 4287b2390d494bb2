namespace Custodian.Node.Host;

/// <summary>What a node logs of its HSM's keys.</summary>
internal static partial class KeyLog
{
    [LoggerMessage(40, LogLevel.Information, "new blobs and signatures are under {Seal}, {Wrap} and {Audit}")]
    internal static partial void InUse(ILogger logger, string seal, string wrap, string audit);

    [LoggerMessage(41, LogLevel.Error, "the node goes on with the keys that it has, and takes up no others: {Why}")]
    internal static partial void NotTaken(ILogger logger, string why);

    [LoggerMessage(42, LogLevel.Information, "{Records} records are under an older seal key and are brought under {Label}")]
    internal static partial void ResealBegins(ILogger logger, long records, string label);

    [LoggerMessage(43, LogLevel.Information, "{Records} records were brought under {Label}; none that opens is left under an older key")]
    internal static partial void ResealEnds(ILogger logger, long records, string label);

    [LoggerMessage(44, LogLevel.Warning, "{Records} records stay under an older seal key: they do not open or do not authenticate; 'custodian verify --hsm' names them")]
    internal static partial void ResealLeaves(ILogger logger, long records);

    [LoggerMessage(45, LogLevel.Warning, "bringing records under a new seal key pauses: {Why}")]
    internal static partial void ResealPauses(ILogger logger, string why);

    [LoggerMessage(47, LogLevel.Warning, "{Label} wants a look: {Why}")]
    internal static partial void Remarkable(ILogger logger, string label, string why);

    [LoggerMessage(49, LogLevel.Error, "looking for new versions of the HSM's keys failed, and is tried again")]
    internal static partial void LookFailed(ILogger logger, Exception unforeseen);

    [LoggerMessage(50, LogLevel.Error, "bringing records under a new seal key stopped; restart the node to go on")]
    internal static partial void ResealStopped(ILogger logger, Exception unforeseen);

    [LoggerMessage(46, LogLevel.Information, "the node's own secrets were brought under {Label}")]
    internal static partial void SecretsResealed(ILogger logger, string label);
}
