using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.Benchmarks;

/// <summary>
/// <c>custody recover</c> as a whole process, five nodes on loopback, against <c>clevis decrypt</c> of a secret that any three of five tang
/// servers open. Both need three of five; what tang lacks is the user's secret, and so Argon2id.
/// </summary>
internal static class CommandBenchmark
{
    private const int Rounds = 15;
    private const int Needed = 3;
    private const int Servers = 5;
    private const string Secret = "correct horse battery staple";
    private const string Plain = "what is kept";

    internal static IEnumerable<Row> Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task<IEnumerable<Row>> RunAsync()
    {
        var whole = new Comparison(
            "recover, command", "ms", "`custody recover`, five nodes, Argon2id over 64 MiB included", "`clevis decrypt`, three of five `tang` servers", Reach: 1);
        await using Realm realm = await Realm.StartAsync(Servers);
        string subject = realm.NewSubject(), key = realm.NewKey(), tokens = realm.WriteTokens(subject), output = realm.NewFile("recovered");
        Expect.Success(await realm.CustodyAsync(subject, Secret, "enroll", "--key", key));
        using TangServers? servers = TangServers.Start(Servers);
        string? locked = servers is null ? null : await servers.LockAsync(Needed, Plain);
        for (int round = -1; round < Rounds && locked is not null; round++)
        {
            double ours = await Clock.TimeAsync(async () => Expect.Success(
                await realm.CustodyWithAsync(Secret, null, "recover", "--out", output, "--force", "--tokens", tokens)));
            if (!File.ReadAllBytes(output).AsSpan().SequenceEqual(File.ReadAllBytes(key)))
            {
                throw new InvalidOperationException("custody recover gives another key back");
            }

            string? opened = null;
            double theirs = Clock.Time(() => opened = Machine.Output("clevis", locked, "decrypt"));
            if (opened != Plain)
            {
                throw new InvalidOperationException($"clevis decrypt gives another secret back: {opened}");
            }

            if (round >= 0)
            {
                whole.Add(ours / 1000, theirs / 1000);
            }
        }

        whole.Note = whole.IsSkipped ? "clevis, tang or socat is missing" : null;
        return [whole];
    }

    /// <summary>Tang servers that listen on loopback, by socat, which starts a process for every connection as systemd does.</summary>
    private sealed class TangServers : IDisposable
    {
        private readonly List<(Tang Tang, Process Listener, int Port)> _servers = [];

        internal static TangServers? Start(int count)
        {
            if (Machine.Say("socat", "-V") is null || Machine.Say("sh", "-c", "command -v clevis") is null)
            {
                return null;
            }

            var all = new TangServers();
            try
            {
                for (int i = 0; i < count && Tang.Make() is { } tang; i++)
                {
                    int port = FreePort();

                    // They tell of every call, on what is the standard error here.
                    string listen = $"exec socat TCP-LISTEN:{port},bind={NodeProcess.Host},reuseaddr,fork EXEC:'{tang.Command}',nofork 2>/dev/null";
                    all._servers.Add((tang, Process.Start("sh", ["-c", listen]), port));
                }
            }
            catch
            {
                all.Dispose();
                throw;
            }

            return all._servers.Count == count ? all : null;
        }

        /// <summary>Encrypts what so many of them open.</summary>
        internal async Task<string> LockAsync(int needed, string plain)
        {
            string policy = JsonSerializer.Serialize(new
            {
                t = needed, pins = new { tang = _servers.Select(s => new { url = $"http://{NodeProcess.Host}:{s.Port}" }) },
            });

            // The listeners may be a moment away.
            for (int attempt = 0; attempt < 50; attempt++)
            {
                if (Machine.Output("clevis", plain, "encrypt", "sss", policy, "-y") is { Length: > 0 } locked)
                {
                    return locked;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
            }

            throw new InvalidOperationException("clevis encrypt failed");
        }

        public void Dispose()
        {
            foreach ((Tang tang, Process listener, _) in _servers)
            {
                listener.Kill();
                listener.Dispose();
                tang.Dispose();
            }
        }

        private static int FreePort()
        {
            using var trial = new TcpListener(NodeProcess.Host, 0);
            trial.Start();
            return ((IPEndPoint)trial.LocalEndpoint).Port;
        }
    }
}
