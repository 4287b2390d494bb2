using System.Collections.Immutable;
using System.Net;
using Custodian.Core;
using Custodian.Node.Access;
using Custodian.Protocol;

namespace Custodian.Node.Host;

/// <summary>The certificate a node serves with: a PEM chain and key, or a PFX file.</summary>
internal sealed record TlsSettings(string? CertificateFile, string? KeyFile, string? PfxFile, string? PfxPasswordFile);

/// <summary>The HSM and its token.</summary>
/// <param name="Module">Path of the PKCS#11 module.</param>
/// <param name="TokenLabel">Label of the token.</param>
/// <param name="PinFile">File with the user PIN, mode 0600; null takes CUSTODIAN_PIN or the systemd credential 'custodian-pin'.</param>
/// <param name="Sessions">Sessions, and so operations at once. Default twice the number of cores.</param>
/// <param name="WaitMs">Longest wait for a free session before a call is answered OVERLOADED, milliseconds. Default 2000.</param>
/// <param name="MaxWaiting">Most calls that may wait. Default 256.</param>
/// <param name="MaxAdmitted">
/// Most calls that are at the HSM, its queue and their own commit included. Default 16 to a session, which keeps the sessions busy while
/// others commit, and at most 128.
/// </param>
internal sealed record HsmSettings(
    string Module, string TokenLabel, string? PinFile, int Sessions, int WaitMs, int MaxWaiting, int MaxAdmitted)
{
    /// <summary>Where the module runs.</summary>
    internal IsolationSettings Isolation { get; init; } = IsolationSettings.Default;

    /// <summary>Records a second that are brought under a new seal key while the node serves; 0 none. Default 100.</summary>
    internal int ResealRate { get; init; } = 100;
}

/// <summary>An identity provider whose tokens the node takes: keys from a JWKS file, or from OpenID discovery at the issuer's address.</summary>
/// <param name="Issuer">The exact <c>iss</c>.</param>
/// <param name="JwksFile">A JWKS file, read again when it changes; null means discovery.</param>
/// <param name="CaFile">Certificates (PEM) to trust for discovery instead of the system's.</param>
internal sealed record IssuerSettings(string Issuer, string? JwksFile, string? CaFile);

/// <summary>Everything <c>custodian</c> needs to know, checked as a whole (see <see cref="Read"/>).</summary>
internal sealed record NodeConfiguration
{
    /// <summary>As many as the HSM's own limit: each has a thread.</summary>
    private const int MostSessions = 256;

    /// <summary>For what a call writes once the HSM has answered, on a slow disk.</summary>
    private static readonly TimeSpan Commits = TimeSpan.FromSeconds(5);

    internal required NodeId NodeId { get; init; }

    internal required ImmutableArray<SetId> Sets { get; init; }

    internal required IPEndPoint Listen { get; init; }

    /// <summary>The folder of the database.</summary>
    internal required string DataFolder { get; init; }

    internal required TlsSettings Tls { get; init; }

    internal required HsmSettings Hsm { get; init; }

    internal required ImmutableArray<IssuerSettings> Issuers { get; init; }

    internal required AttemptPolicy Attempts { get; init; }

    /// <summary>How much the node takes on, and from whom.</summary>
    internal required LimitSettings Limits { get; init; }

    /// <summary>How long the node waits for whom.</summary>
    internal required DeadlineSettings Deadlines { get; init; }

    /// <summary>Longer than any call takes: its wait, one operation of the HSM, and its commits.</summary>
    internal TimeSpan LongestCall => LongestCallOf(Deadlines.CallWait, TimeSpan.FromMilliseconds(Hsm.Isolation.DeadlineMs));

    /// <summary>The same where everything is set as long as it can be.</summary>
    internal static TimeSpan LongestCallOfAny => LongestCallOf(DeadlineSettings.MostCallWait, IsolationSettings.MostDeadline);

    /// <summary>After which no call of before is under way any more, whatever else the machine did meanwhile: half as long again as any takes.</summary>
    internal TimeSpan CallTime => 1.5 * LongestCall;

    /// <summary>How many calls may wait for the database's writer.</summary>
    internal int DatabaseQueue { get; init; }

    /// <summary>SQLite's <c>max_page_count</c>; 0 leaves it unlimited.</summary>
    internal int MaxDatabasePages { get; init; }

    internal string DatabaseFile => Path.Combine(DataFolder, "custodian.db");

    /// <summary>Reads and checks every setting. Returns null, and all mistakes, when there is any.</summary>
    internal static NodeConfiguration? Read(SettingsReader settings)
    {
        HsmSettings hsm = ReadHsm(settings);
        var configuration = new NodeConfiguration
        {
            NodeId = ReadNodeId(settings),
            Sets = ReadSets(settings),
            Listen = ReadListen(settings),
            DataFolder = settings.RequiredPath("data", "the folder for the database"),
            Tls = ReadTls(settings),
            Hsm = hsm,
            Issuers = ReadIssuers(settings),
            Attempts = ReadAttempts(settings),
            Limits = LimitSettings.Read(settings, hsm),
            Deadlines = DeadlineSettings.Read(settings),
            DatabaseQueue = settings.Number("database:queue", 1024, 1, 1_000_000),
            MaxDatabasePages = settings.Number("database:max_pages", 0, 0, int.MaxValue),
        };
        settings.RefuseUnknown();
        return settings.Mistakes.Count == 0 ? configuration : null;
    }

    private static TimeSpan LongestCallOf(TimeSpan wait, TimeSpan operation) => wait + operation + Commits;

    private static NodeId ReadNodeId(SettingsReader settings)
    {
        string text = settings.Required("node_id", "this node's name, the 'aud' of its tokens");
        if (!NodeId.TryParse(text, out NodeId id) && text.Length > 0)
        {
            settings.Mistake("node_id", $"is '{text}'; {DnsLikeName.Form}");
        }

        return id;
    }

    private static ImmutableArray<SetId> ReadSets(SettingsReader settings)
    {
        var sets = ImmutableArray.CreateBuilder<SetId>();
        foreach (string item in settings.Items("sets"))
        {
            string text = settings.Required(item, "a set_id");
            if (SetId.TryParse(text, out SetId set) && !sets.Contains(set))
            {
                sets.Add(set);
            }
            else
            {
                settings.Mistake(item, $"is '{text}'; a set_id named once: {DnsLikeName.Form}");
            }
        }

        if (sets.Count == 0)
        {
            settings.Mistake("sets", "is empty; a list of the set_ids this node serves");
        }

        return sets.ToImmutable();
    }

    private static IPEndPoint ReadListen(SettingsReader settings)
    {
        string text = settings.Required("listen", "an address and port, such as 0.0.0.0:8443; port 0 takes a free one");
        if (IPEndPoint.TryParse(text, out IPEndPoint? endPoint) && text.Contains(':', StringComparison.Ordinal))
        {
            return endPoint;
        }

        if (text.Length > 0)
        {
            settings.Mistake("listen", $"is '{text}'; an IP address and port, such as 0.0.0.0:8443");
        }

        return new IPEndPoint(IPAddress.Loopback, 0);
    }

    private static TlsSettings ReadTls(SettingsReader settings)
    {
        var tls = new TlsSettings(
            settings.OptionalFile("tls:certificate"),
            settings.OptionalFile("tls:key"),
            settings.OptionalFile("tls:pfx"),
            settings.OptionalFile("tls:pfx_password_file"));
        bool pem = settings.Optional("tls:certificate") is not null || settings.Optional("tls:key") is not null;
        bool pfx = settings.Optional("tls:pfx") is not null;
        if (pem == pfx)
        {
            settings.Mistake("tls", "name either 'certificate' and 'key' (PEM files) or 'pfx'");
        }
        else if (pem && (settings.Optional("tls:certificate") is null || settings.Optional("tls:key") is null))
        {
            settings.Mistake("tls", "'certificate' and 'key' belong together");
        }

        return tls;
    }

    private static HsmSettings ReadHsm(SettingsReader settings)
    {
        int sessions = settings.Number("hsm:sessions", Math.Min(2 * Environment.ProcessorCount, MostSessions), 1, MostSessions);
        return new HsmSettings(
            settings.RequiredFile("hsm:module", "the path of the PKCS#11 module, such as /usr/lib/softhsm/libsofthsm2.so"),
            settings.Required("hsm:token", "the label of the token"),
            settings.OptionalFile("hsm:pin_file"),
            sessions,
            settings.Number("hsm:wait_ms", 2000, 1, 60_000),
            settings.Number("hsm:max_waiting", 256, 1, 100_000),
            settings.Number("hsm:max_admitted", Math.Max(sessions, Math.Min(16 * sessions, 128)), 1, 100_000))
        {
            Isolation = IsolationSettings.Read(settings),
            ResealRate = settings.Number("hsm:reseal_rate", 100, 0, 100_000),
        };
    }

    private static ImmutableArray<IssuerSettings> ReadIssuers(SettingsReader settings)
    {
        var issuers = ImmutableArray.CreateBuilder<IssuerSettings>();
        foreach (string item in settings.Items("issuers"))
        {
            string issuer = settings.Required($"{item}:issuer", "the exact 'iss' of the tokens");
            string? jwks = ReadJwksFile(settings, $"{item}:jwks_file", issuer);
            bool discovers = settings.Optional($"{item}:jwks_file") is null;
            if (discovers && issuer.Length > 0 && !IsDiscoverable(issuer))
            {
                settings.Mistake($"{item}:issuer", $"is '{issuer}'; without a 'jwks_file' it must be an https address (http only on loopback)");
            }

            issuers.Add(new IssuerSettings(issuer, jwks, settings.OptionalFile($"{item}:ca_file")));
        }

        if (issuers.Count == 0)
        {
            settings.Mistake("issuers", "is empty; a list of {issuer, jwks_file} or {issuer} with OpenID discovery");
        }

        foreach (IGrouping<string, IssuerSettings> twice in issuers.GroupBy(i => i.Issuer).Where(g => g.Count() > 1))
        {
            settings.Mistake("issuers", $"'{twice.Key}' is named twice");
        }

        return issuers.ToImmutable();
    }

    /// <summary>A file of keys that the node can use now. What becomes of it later does not stop a running node.</summary>
    private static string? ReadJwksFile(SettingsReader settings, string setting, string issuer)
    {
        string? path = settings.OptionalFile(setting);
        try
        {
            if (path is not null)
            {
                JwksFile.Parse(issuer, File.ReadAllText(path));
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException)
        {
            settings.Mistake(setting, $"{path} cannot be used as a JWKS: {error.Message}");
        }

        return path;
    }

    private static bool IsDiscoverable(string issuer) =>
        Uri.TryCreate(issuer, UriKind.Absolute, out Uri? uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));

    private static AttemptPolicy ReadAttempts(SettingsReader settings) => new()
    {
        FreeAttempts = settings.Number("attempts:free", 3, 1, 100),
        FirstDelay = TimeSpan.FromSeconds(settings.Number("attempts:first_delay_s", 30, 0, 86_400)),
        LongestDelay = TimeSpan.FromSeconds(settings.Number("attempts:longest_delay_s", 86_400, 0, 30 * 86_400)),
    };
}
