using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>One real node: its folder, its SoftHSM token, its database, and its process while it runs.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    internal const string SoftHsm = "/usr/lib/softhsm/libsofthsm2.so";

    private static int s_lastPort = 10_000 + (System.Environment.ProcessId % 20 * 1000);

    private static readonly string[] OfInit = ["tokens", "pin", "data"];

    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> First = [];

    private readonly Dictionary<string, string> _environment;
    private readonly List<ChildProcess> _runs = [];

    private NodeProcess(string nodeId, string region, string folder)
    {
        (NodeId, Region, Folder) = (nodeId, region, folder);
        _environment = new Dictionary<string, string> { ["SOFTHSM2_CONF"] = Path.Combine(folder, "softhsm2.conf") };
    }

    /// <summary>
    /// Where nodes listen. Not 127.0.0.1: every outgoing connection takes a port of that for itself, and might take that of a node that is
    /// down and comes back.
    /// </summary>
    internal static IPAddress Host { get; } = IPAddress.Parse("127.0.1.1");

    internal string NodeId { get; }

    internal string Region { get; }

    internal string Folder { get; }

    internal string ConfigFile => Path.Combine(Folder, "node.json");

    internal string DatabaseFile => Path.Combine(Folder, "data", "custodian.db");

    /// <summary>The variables its commands run with.</summary>
    internal IReadOnlyDictionary<string, string> Environment => _environment;

    /// <summary>Sets a variable for its commands and its next start.</summary>
    internal void SetEnvironment(string name, string value) => _environment[name] = value;

    /// <summary>https://127.0.1.1:port; known after the first start, and the same after every other.</summary>
    internal string Address { get; private set; } = "";

    /// <summary>The process that was started last.</summary>
    internal ChildProcess Process => _runs.Count > 0 ? _runs[^1] : throw new InvalidOperationException($"{NodeId} was never started");

    /// <summary>All that its processes have logged, the oldest first.</summary>
    internal string Logs => string.Concat(_runs.Select(r => r.Output.SoFar + r.Error.SoFar));

    /// <summary>What they have logged of level warning or above, and what is no log line at all.</summary>
    internal IEnumerable<string> Complaints => Logs.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Where(l => !l.StartsWith("{\"", StringComparison.Ordinal) || !l.Contains("\"LogLevel\":\"Information\"", StringComparison.Ordinal));

    /// <summary>
    /// Makes a node's folder as <c>custodian init</c> with these options leaves it. One of a name is made with it, the others are copies: they
    /// share token and keys with nodes of other realms only, which they never meet.
    /// </summary>
    internal static async Task<NodeProcess> CreateAsync(string nodeId, string region, string folder, NodeSurroundings surroundings, params string[] init)
    {
        var node = new NodeProcess(nodeId, region, folder);
        node.Furnish(surroundings);
        string first = await First.GetOrAdd($"{nodeId} {string.Join(' ', init)}", _ => new Lazy<Task<string>>(InitialiseAsync)).Value;
        Expect.Success(await ChildProcess.RunAsync("cp", ["-a", .. OfInit.Select(part => Path.Combine(first, part)), folder]));
        return node;

        async Task<string> InitialiseAsync()
        {
            var made = new NodeProcess(nodeId, region, Directory.CreateTempSubdirectory("custodian-first-").FullName);
            AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(made.Folder, recursive: true);
            made.Furnish(surroundings);
            await made.MakeTokenAsync();
            Expect.Success(await made.RunAsync(["init", .. init]));
            return made.Folder;
        }
    }

    /// <summary>Runs a <c>custodian</c> command on this node's configuration.</summary>
    internal Task<ProcessOutcome> RunAsync(params string[] command) => RunWithAsync(ConfigFile, command);

    /// <summary>Runs a <c>custodian</c> command on another configuration, with this node's token.</summary>
    internal Task<ProcessOutcome> RunWithAsync(string configFile, params string[] command) =>
        ChildProcess.RunAsync(Programs.Custodian, [.. command, "--config", configFile], _environment);

    /// <summary>Writes a changed copy of the configuration beside it, and returns its name.</summary>
    internal string ChangeConfiguration(Action<JsonObject> change)
    {
        JsonObject configuration = JsonNode.Parse(File.ReadAllText(ConfigFile))!.AsObject();
        change(configuration);
        string file = Path.Combine(Folder, $"{Guid.NewGuid():n}.json");
        File.WriteAllText(file, configuration.ToJsonString());
        return file;
    }

    /// <summary>Changes the configuration for the next start.</summary>
    internal void Reconfigure(Action<JsonObject> change) => File.Move(ChangeConfiguration(change), ConfigFile, overwrite: true);

    /// <summary>Another node on this one's token and name, with a configuration of its own.</summary>
    internal NodeProcess Twin(Action<JsonObject> change)
    {
        string file = ChangeConfiguration(change);
        string folder = Directory.CreateDirectory(Path.ChangeExtension(file, null)).FullName;
        var twin = new NodeProcess(NodeId, Region, folder);
        twin._environment["SOFTHSM2_CONF"] = _environment["SOFTHSM2_CONF"];
        File.Move(file, twin.ConfigFile);
        return twin;
    }

    /// <summary>This node on another machine: in a folder that holds a token of its own, with a database folder of its own and nothing in it.</summary>
    internal NodeProcess MovedTo(string folder)
    {
        var moved = new NodeProcess(NodeId, Region, folder);
        File.Move(ChangeConfiguration(c => c["data"] = Path.Combine(folder, "data")), moved.ConfigFile);
        return moved;
    }

    /// <summary>Starts the process and waits until it serves; at the same address as before.</summary>
    /// <param name="overrides">Settings over the configuration's, <c>name=value</c>.</param>
    internal async Task StartAsync(params string[] overrides)
    {
        string ready = Path.Combine(Folder, "address");
        File.Delete(ready);
        List<string> arguments = ["serve", "--config", ConfigFile, "--ready-file", ready];
        arguments.AddRange(["--override", $"listen={(Address.Length > 0 ? new Uri(Address).Authority : FreeAddress())}"]);

        arguments.AddRange(overrides.SelectMany(o => new[] { "--override", o }));
        _runs.Add(ChildProcess.Start(Programs.Custodian, arguments, _environment));
        Address = await WaitForFileAsync(ready);
    }

    /// <summary>SIGKILL.</summary>
    internal Task KillAsync() => Process.KillAsync();

    /// <summary>SIGTERM, and waits for the end.</summary>
    internal Task<ProcessOutcome> StopAsync()
    {
        Process.Terminate();
        return Process.WaitAsync();
    }

    /// <summary>Kills the process, and starts it again when the result is disposed.</summary>
    internal async Task<IAsyncDisposable> DownAsync()
    {
        await KillAsync();
        return new Outage(() => new ValueTask(StartAsync()));
    }

    /// <summary>Stops the process with SIGSTOP, and continues it when the result is disposed.</summary>
    internal IAsyncDisposable Paused()
    {
        Process.Pause();
        return new Outage(() =>
        {
            Process.Continue();
            return ValueTask.CompletedTask;
        });
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ChildProcess run in _runs)
        {
            await run.DisposeAsync();
        }
    }

    /// <summary>
    /// An address that no other node of these tests gets, below the ports that the kernel hands out: while this node is down, another
    /// listener would otherwise be given its port now and then.
    /// </summary>
    private static IPEndPoint FreeAddress()
    {
        while (true)
        {
            var address = new IPEndPoint(Host, Interlocked.Increment(ref s_lastPort));
            using var trial = new TcpListener(address);
            try
            {
                trial.Start();
                return address;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Another run of the tests has it.
            }
        }
    }

    /// <summary>What the operator has ready before <c>custodian init</c>: configuration, certificate, and where the token will be.</summary>
    private void Furnish(NodeSurroundings surroundings)
    {
        Directory.CreateDirectory(Path.Combine(Folder, "tokens"));
        _environment["TMPDIR"] = Directory.CreateDirectory(Path.Combine(Folder, "tmp")).FullName;
        File.WriteAllText(
            Path.Combine(Folder, "softhsm2.conf"),
            $"directories.tokendir = {Folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n");
        surroundings.Authority.Issue(Folder);
        WriteConfiguration(surroundings);
    }

    private async Task MakeTokenAsync()
    {
        string pin = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        string pinFile = Path.Combine(Folder, "pin");
        File.WriteAllText(pinFile, pin);
        File.SetUnixFileMode(pinFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Expect.Success(await ChildProcess.RunAsync(
            "softhsm2-util", ["--init-token", "--free", "--label", "custodian", "--so-pin", "12345678", "--pin", pin], _environment));
    }

    private void WriteConfiguration(NodeSurroundings surroundings)
    {
        string jwks = Path.Combine(Folder, "jwks.json");
        File.WriteAllText(jwks, surroundings.Issuer.Jwks);
        File.WriteAllText(ConfigFile, JsonSerializer.Serialize(new
        {
            node_id = NodeId,
            sets = new[] { surroundings.SetId },
            listen = $"{Host}:0",
            data = Path.Combine(Folder, "data"),
            tls = new { certificate = Path.Combine(Folder, "tls.pem"), key = Path.Combine(Folder, "tls.key") },
            hsm = new { module = SoftHsm, token = "custodian", pin_file = Path.Combine(Folder, "pin") },
            issuers = new[] { new { issuer = surroundings.Issuer.Name, jwks_file = jwks } },
            attempts = new { first_delay_s = surroundings.FirstDelaySeconds.ToString(CultureInfo.InvariantCulture) },
        }));
    }

    private async Task<string> WaitForFileAsync(string path)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        while (!File.Exists(path))
        {
            if (Process.HasExited)
            {
                ProcessOutcome outcome = await Process.WaitAsync();
                throw new InvalidOperationException($"{NodeId} ended with {outcome.ExitCode}: {outcome.Error}{outcome.Output}");
            }

            await poll.WaitForNextTickAsync(patience.Token);
        }

        return await File.ReadAllTextAsync(path, patience.Token);
    }

    private sealed class Outage(Func<ValueTask> end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => end();
    }
}

/// <summary>What the nodes of one test share.</summary>
internal sealed record NodeSurroundings(CertificateAuthority Authority, TokenIssuer Issuer, string SetId, int FirstDelaySeconds);
