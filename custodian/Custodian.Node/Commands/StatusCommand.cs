using System.CommandLine;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary><c>custodian status</c>: what the node holds, whether its HSM works, and whether it answers.</summary>
internal static class StatusCommand
{
    private sealed record Status(
        string NodeId, IReadOnlyList<string> Sets, string Serving, string Hsm, EvaluationMode Evaluation, long Accounts, IReadOnlyDictionary<string, long> Records,
        long AuditEntries, int SchemaVersion, long DatabaseBytes, Keys Keys, Tampered Tampered, Restored? Restored);

    /// <summary>
    /// The versions that new blobs and signatures are under, null where none is and then why; and how many records are still to be sealed anew.
    /// A node that evaluates in memory has no wrap key.
    /// </summary>
    private sealed record Keys(uint? Seal, uint? Wrap, uint? Audit, long RecordsToReseal, string? Refused);

    /// <summary>Accounts refused because a row did not authenticate, and how many still do not.</summary>
    private sealed record Tampered(long Noticed, long StillRefused, string? FirstNoticed, IReadOnlyList<string> Accounts);

    /// <summary>What the database has forgotten, if it goes on from a copy.</summary>
    private sealed record Restored(string? CopiedAt, string BehindSince, string? AcceptedAt, long LimitedRecords, string? Next);

    internal static Command Build()
    {
        var common = new CommonOptions();
        return common.Build(
            "status",
            "Prints what the node holds, whether its HSM works, and whether it answers at its address; the accounts that it refused because a "
            + "row did not authenticate, since the database was made; and, of a restored one, since when it is behind. It looks again at those "
            + "accounts alone: 'custodian verify' goes through all. Exit status 4 when the node does not answer or is not ready.",
            [],
            (parsed, configuration, cancellation) => RunAsync(configuration, parsed.GetValue(common.Json), cancellation));
    }

    private static async Task<int> RunAsync(NodeConfiguration configuration, bool json, CancellationToken cancellation)
    {
        string serving = await AskAsync(configuration, cancellation);
        try
        {
            return await SayAsync(configuration, serving, json, cancellation);
        }
        catch (HsmException)
        {
            // The node may serve or say why not, while this command cannot open the token.
            Terminal.Note($"serving: {serving}");
            throw;
        }
    }

    private static async Task<int> SayAsync(NodeConfiguration configuration, string serving, bool json, CancellationToken cancellation)
    {
        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation);
        await runtime.Hsm.ProbeAsync(cancellation);
        StoreStatus store = await runtime.Store.ReadStatusAsync(cancellation);
        var status = new Status(
            configuration.NodeId.Value,
            [.. configuration.Sets.Select(s => s.Value)],
            serving,
            $"token '{runtime.Token.Label}', serial {runtime.Token.Serial}, passes its canary",
            runtime.Evaluation,
            store.Accounts,
            store.Records.ToDictionary(r => r.Key.ToString().ToUpperInvariant(), r => r.Value),
            store.AuditEntries,
            store.SchemaVersion,
            store.DatabaseBytes,
            KeysOf(await runtime.ReadKeysAsync(cancellation), await runtime.Store.ReadKeyUseAsync(cancellation)),
            TamperedIn(store),
            RestoredOf(store));
        Terminal.Print(json, status, text => Write(status, text));
        return serving == "ready" ? ExitCode.Done : ExitCode.NotReady;
    }

    private static Keys KeysOf(KeyStanding keys, KeyUse use)
    {
        uint? seal = keys.Newest(KeyPurpose.Seal);
        return new Keys(seal, keys.Newest(KeyPurpose.Wrap), keys.Newest(KeyPurpose.Audit), use.SealedBefore(seal ?? 0), keys.Refusal);
    }

    private static Tampered TamperedIn(StoreStatus store) => new(
        store.Refused.Count,
        store.StillRefused,
        store.Refused.Count == 0 ? null : Restoration.Said(store.Refused.Min(r => r.FirstMs)),
        [.. store.Refused.Select(r => Convert.ToHexStringLower(r.Row.AsSpan(0, 8)))]);

    private static Restored? RestoredOf(StoreStatus store) => store.Restoration is { } copy
        ? new Restored(
            copy.CopiedMs == 0 ? null : Restoration.Said(copy.CopiedMs),
            Restoration.Said(copy.BehindMs),
            copy.AwaitsAcceptance ? null : Restoration.Said(copy.AcceptedMs),
            store.LimitedRecords,
            copy.AwaitsAcceptance ? copy.Advice : null)
        : null;

    private static void Write(Status status, TextWriter text)
    {
        text.WriteLine($"node      {status.NodeId}, sets {string.Join(", ", status.Sets)}");
        text.WriteLine($"serving   {status.Serving}");
        text.WriteLine($"hsm       {status.Hsm}");
        text.WriteLine($"evaluates {ModeAdvice.Said(status.Evaluation)}");
        text.WriteLine($"records   {string.Join(", ", status.Records.Select(r => $"{r.Value} {r.Key}"))}, of {status.Accounts} accounts");
        text.WriteLine($"audit     {status.AuditEntries} entries");
        text.WriteLine($"database  {status.DatabaseBytes} bytes, schema {status.SchemaVersion}");
        text.WriteLine(status.Keys.Refused is { } refused
            ? $"keys      {refused}"
            : $"keys      seal {status.Keys.Seal}, {(status.Keys.Wrap is { } wrap ? $"wrap {wrap}" : "no wrap key")}, audit {status.Keys.Audit}"
                + (status.Keys.RecordsToReseal == 0 ? "" : $"; {status.Keys.RecordsToReseal} records are still to be brought under the newest seal key"));
        text.WriteLine(status.Tampered.Noticed == 0
            ? "tampered  none that a call has met; 'custodian verify' looks at all"
            : $"tampered  {status.Tampered.Noticed} accounts were refused, the first at {status.Tampered.FirstNoticed}; {status.Tampered.StillRefused} "
                + "still do not authenticate; 'custodian verify' names what is wrong");
        if (status.Restored is { } restored)
        {
            text.WriteLine(
                $"restored  from a copy{(restored.CopiedAt is { } at ? $" of {at}" : "")}, behind since {restored.BehindSince}, "
                + $"{restored.LimitedRecords} records still limited to one attempt");
            text.WriteLine(restored.Next is { } next ? $"          not accepted yet: {next}" : $"          accepted at {restored.AcceptedAt}");
        }
    }

    /// <summary>Asks the running node, trusting just the certificate that is configured here.</summary>
    private static async Task<string> AskAsync(NodeConfiguration configuration, CancellationToken cancellation)
    {
        if (configuration.Listen.Port == 0)
        {
            return "unknown, since listen takes a free port; name the port with --override listen=address:port";
        }

        ServerCertificate own = ServerCertificate.Load(configuration.Tls);
        using var handler = new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => IsOwn(own, shown) },
        };
        using var http = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(5) };
        try
        {
            using HttpResponseMessage response = await http.GetAsync(ReadyAddress(configuration), cancellation);
            return (await response.Content.ReadAsStringAsync(cancellation)).Trim();
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
        {
            return $"no answer at {configuration.Listen}";
        }
    }

    private static Uri ReadyAddress(NodeConfiguration configuration)
    {
        var host = configuration.Listen.Address.Equals(System.Net.IPAddress.Any) ? System.Net.IPAddress.Loopback : configuration.Listen.Address;
        return new UriBuilder("https", host.ToString(), configuration.Listen.Port, "readyz").Uri;
    }

    private static bool IsOwn(ServerCertificate own, X509Certificate? shown) =>
        shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(own.Certificate.RawDataMemory.Span);
}
