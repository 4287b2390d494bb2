using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Custodian.Client;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// A whole set of custodians on loopback: real node processes with ports, tokens and databases of their own, an issuer, and the set file
/// a client needs. Everything is in one temporary folder that is gone afterwards.
/// </summary>
internal sealed class Realm : IAsyncDisposable
{
    private static readonly string[] Regions =
        ["eu-west", "us-east", "ap-south", "sa-east", "af-south", "eu-north", "us-west", "ap-east", "me-central"];

    private readonly CertificateAuthority _authority = new();
    private readonly ConcurrentDictionary<string, string> _routes = [];
    private readonly Lock _writingSet = new();
    private int _subjects;

    private Realm(string folder, int threshold) => (Folder, Threshold) = (folder, threshold);

    internal string Folder { get; }

    internal int Threshold { get; }

    internal string SetId { get; } = "test-set";

    internal TokenIssuer Issuer { get; } = new();

    internal IReadOnlyList<NodeProcess> Nodes { get; private set; } = [];

    /// <summary>The lines to the nodes, in their order; empty unless it was started with them.</summary>
    internal IReadOnlyList<FaultProxy> Proxies { get; private set; } = [];

    /// <summary>The set file, custodians.json.</summary>
    internal string SetFile => Path.Combine(Folder, "custodians.json");

    internal string CaFile => Path.Combine(Folder, "ca.pem");

    internal NodeSurroundings Surroundings { get; private set; } = null!;

    /// <summary>Makes and starts <paramref name="nodes"/> nodes.</summary>
    /// <param name="nodes">How many.</param>
    /// <param name="threshold">How many a recovery needs; the smallest majority when null.</param>
    /// <param name="firstDelaySeconds">The first delay between attempts; 0 switches delays off.</param>
    /// <param name="proxied">Whether clients reach every node through a <see cref="FaultProxy"/>.</param>
    /// <param name="prepare">Changes a node before its first start.</param>
    /// <param name="init">Further options of <c>custodian init</c> for a node, by its number from 1.</param>
    internal static async Task<Realm> StartAsync(
        int nodes, int? threshold = null, int firstDelaySeconds = 0, bool proxied = false, Action<NodeProcess>? prepare = null,
        Func<int, string[]>? init = null)
    {
        var realm = new Realm(Directory.CreateTempSubdirectory("custodian-realm-").FullName, threshold ?? (nodes / 2) + 1);
        try
        {
            realm.Surroundings = new NodeSurroundings(realm._authority, realm.Issuer, realm.SetId, firstDelaySeconds);
            File.WriteAllText(realm.CaFile, realm._authority.Pem);
            realm.Nodes = await Task.WhenAll(Enumerable.Range(1, nodes).Select(n => realm.MakeNodeAsync(n, init?.Invoke(n) ?? [])));
            realm.Nodes.ToList().ForEach(prepare ?? (_ => { }));
            await Task.WhenAll(realm.Nodes.Select(n => n.StartAsync()));
            realm.WriteSet();
            if (proxied)
            {
                realm.PutProxiesInFront();
            }

            return realm;
        }
        catch
        {
            await realm.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where clients reach a node: what a test has put in front of it, or its proxy, or the node itself.</summary>
    internal string AddressOf(NodeProcess node) =>
        _routes.GetValueOrDefault(node.NodeId) ?? ProxyOf(node)?.Address ?? node.Address;

    /// <summary>A caller of one node, past the SDK, with good tokens for a subject.</summary>
    internal RawCaller CallerFor(NodeProcess node, string subject) =>
        new(AddressOf(node), CaFile, () => Issuer.TokenFor(node.NodeId, subject)) { Subject = subject };

    /// <summary>Parts of log messages of level warning or above that the tests of this realm bring about.</summary>
    internal ConcurrentBag<string> Expected { get; } = [];

    /// <summary>
    /// Gives the set another address for a node, that of something in front of it; null gives it the one it had again. Clients made before
    /// keep the one they know.
    /// </summary>
    internal void Route(NodeProcess node, string? address)
    {
        if (address is null)
        {
            _routes.TryRemove(node.NodeId, out _);
        }
        else
        {
            _routes[node.NodeId] = address;
        }

        WriteSet();
    }

    /// <summary>A subject that no other test of this realm has.</summary>
    internal string NewSubject() => $"subject-{Interlocked.Increment(ref _subjects)}";

    /// <summary>A file name in this realm's folder that nothing has yet.</summary>
    internal string NewFile(string name) => Path.Combine(Folder, $"{RandomNumberGenerator.GetHexString(8, lowercase: true)}-{name}");

    /// <summary>Writes a private key of random bytes, and returns the file's name.</summary>
    internal string NewKey(int length = 1200)
    {
        string file = NewFile("private.key");
        File.WriteAllBytes(file, RandomNumberGenerator.GetBytes(length));
        return file;
    }

    /// <summary>A token per node for a subject, by node_id.</summary>
    internal IReadOnlyDictionary<string, string> TokensFor(string subject, Action<Dictionary<string, object?>>? change = null) =>
        Nodes.ToDictionary(n => n.NodeId, n => Issuer.TokenFor(n.NodeId, subject, change));

    /// <summary>Writes a token per node for a subject; returns the file pattern.</summary>
    internal string WriteTokens(string subject, Action<Dictionary<string, object?>>? change = null)
    {
        string folder = Directory.CreateDirectory(NewFile("tokens")).FullName;
        foreach ((string node, string token) in TokensFor(subject, change))
        {
            File.WriteAllText(Path.Combine(folder, $"{node}.jwt"), token);
        }

        return Path.Combine(folder, "{node_id}.jwt");
    }

    /// <summary>
    /// A client as on a new device: it knows the set, has tokens for a subject, and nothing else. Or a set of the first so many nodes, of
    /// which a majority recovers.
    /// </summary>
    internal CustodianClient Client(string subject, Action<CustodianClientOptions>? change = null, int? among = null)
    {
        CustodianSet set = CustodianSet.Load(SetFile);
        var options = new CustodianClientOptions
        {
            Token = (node, _) => ValueTask.FromResult(Issuer.TokenFor(node.Value, subject)),
            Stretching = Traffic.Cheap,
        };
        change?.Invoke(options);
        return new CustodianClient(among is { } n ? CustodianSet.Create(set.Id, (n / 2) + 1, set.Nodes[..n]) : set, options);
    }

    /// <summary>Enrols the key in a file with the SDK, at the least cost of stretching.</summary>
    internal async Task EnrolAsync(string subject, string secret, string keyFile)
    {
        await using CustodianClient device = Client(subject);
        using EnrollResult enrolled = await device.EnrollAsync(await File.ReadAllBytesAsync(keyFile), secret);
        Assert.True(enrolled.IsComplete, $"not complete: {string.Join(", ", enrolled.Nodes)}");
    }

    /// <summary>Runs <c>custody</c> for a subject with good tokens.</summary>
    /// <param name="subject">The user.</param>
    /// <param name="secret">What is written to its standard input; null for a command that takes no secret.</param>
    /// <param name="command">The command and its options.</param>
    internal Task<ProcessOutcome> CustodyAsync(string subject, string? secret, params string[] command) =>
        CustodyWithAsync(secret, null, [.. command, "--tokens", WriteTokens(subject)]);

    /// <summary>Runs <c>custody</c> with no tokens but those that the command names.</summary>
    internal async Task<ProcessOutcome> CustodyWithAsync(
        string? secret, IReadOnlyDictionary<string, string>? environment, params string[] command)
    {
        await using ChildProcess custody = StartCustody(secret, environment, command);
        return await custody.WaitAsync();
    }

    /// <summary>Starts <c>custody</c> with no tokens but those that the command names.</summary>
    internal ChildProcess StartCustody(string? secret, IReadOnlyDictionary<string, string>? environment, params string[] command)
    {
        string[] input = secret is null ? [] : ["--secret-stdin"];
        return ChildProcess.Start(Programs.Custody, [.. command, "--set", SetFile, .. input], environment, secret);
    }

    /// <summary>Ends all of it.</summary>
    /// <exception cref="InvalidOperationException">A node logged something of level warning or above that no test expected.</exception>
    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable part in Proxies.Concat<IAsyncDisposable>(Nodes))
        {
            await part.DisposeAsync();
        }

        string[] complaints = [.. Nodes.SelectMany(n => n.Complaints).Where(c => !Expected.Any(e => c.Contains(e, StringComparison.Ordinal)))];

        Issuer.Dispose();
        _authority.Dispose();
        Directory.Delete(Folder, recursive: true);
        if (complaints.Length > 0)
        {
            throw new InvalidOperationException($"nodes logged what no test expected:\n{string.Join('\n', complaints)}");
        }
    }

    private Task<NodeProcess> MakeNodeAsync(int number, string[] init)
    {
        string name = $"node-{number}.{Regions[number - 1]}";
        return NodeProcess.CreateAsync(name, Regions[number - 1], Path.Combine(Folder, name), Surroundings, init);
    }

    private FaultProxy? ProxyOf(NodeProcess node) => Nodes.Zip(Proxies).FirstOrDefault(p => p.First == node).Second;

    private void PutProxiesInFront()
    {
        Proxies = [.. Nodes.Select(FaultProxy.Start)];
        WriteSet();
    }

    private void WriteSet()
    {
        string set = JsonSerializer.Serialize(new
        {
            set_id = SetId,
            threshold = Threshold,
            nodes = Nodes.Select((n, i) => new
            {
                node_id = n.NodeId, region = n.Region, @operator = $"operator-{i + 1}", address = AddressOf(n), ca_file = "ca.pem",
            }),
        });
        lock (_writingSet)
        {
            // Renamed into place: another test may be reading it.
            File.WriteAllText($"{SetFile}.new", set);
            File.Move($"{SetFile}.new", SetFile, overwrite: true);
        }
    }
}
