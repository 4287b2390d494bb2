using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// The custodians that keep a user's records, and how many of them are needed: the manifest an app ships with. Immutable; one exists only
/// if nothing is wrong with it.
/// </summary>
/// <remarks>
/// As a file it is JSON, described by <c>custodian-set.schema.json</c> (<see cref="Schema"/>):
/// <code>
/// { "set_id": "acme-prod", "threshold": 3,
///   "nodes": [ { "node_id": "node-1.eu-west", "region": "eu-west", "operator": "Acme",
///                "address": "https://node-1.acme.example:8443", "spki_sha256": ["..."] } ] }
/// </code>
/// </remarks>
public sealed class CustodianSet
{
    private readonly ImmutableDictionary<NodeId, CustodianNode> _byId;

    private CustodianSet(SetDraft draft)
    {
        Id = draft.Id!.Value;
        Threshold = draft.Threshold!.Value;
        MinThreshold = draft.MinThreshold ?? Threshold;
        Nodes = [.. draft.Nodes.Select(n => n.ToNode())];
        Participants = [.. Nodes.Where(n => !n.Retired)];
        _byId = Nodes.ToImmutableDictionary(n => n.Id);
    }

    /// <summary>The set's name. It enters every account's name: another set_id makes other accounts (protocol.md section 3).</summary>
    public SetId Id { get; }

    /// <summary>t: how many nodes a new record needs to be recovered. t is at most n and 2t above n, over the nodes not retired.</summary>
    public int Threshold { get; }

    /// <summary>
    /// The lowest threshold that was ever used for new records; a record with a lower one is refused. 1..<see cref="Threshold"/>.
    /// </summary>
    public int MinThreshold { get; }

    /// <summary>All nodes in the order of the file, retired ones included.</summary>
    public ImmutableArray<CustodianNode> Nodes { get; }

    /// <summary>The nodes of a new record: those not retired, 1..16.</summary>
    public ImmutableArray<CustodianNode> Participants { get; }

    /// <summary>The JSON schema of a set file.</summary>
    public static string Schema => SetSchema.Text;

    /// <summary>Makes a set in code, under the same rules as a file.</summary>
    /// <param name="id">The set's name.</param>
    /// <param name="threshold">See <see cref="Threshold"/>.</param>
    /// <param name="nodes">See <see cref="Nodes"/>.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentNullException"><paramref name="nodes"/> is null.</exception>
    /// <exception cref="CustodianSetException">A rule is broken; names all of them.</exception>
    public static CustodianSet Create(SetId id, int threshold, IEnumerable<CustodianNode> nodes, CustodianSetOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        return Build(
            new SetDraft
            {
                Id = id,
                Threshold = threshold,
                MinThreshold = options?.MinThreshold,
                AllowSharedRegions = options?.AllowSharedRegions ?? false,
                AllowDominantOperator = options?.AllowDominantOperator ?? false,
                Nodes = [.. nodes.Select(NodeDraft.Of)],
            },
            []);
    }

    /// <summary>Reads a set file; a <c>ca_file</c> in it is relative to the file's folder.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="CustodianSetException">The file is no usable set; names everything that is wrong with it.</exception>
    public static CustodianSet Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
        return Parse(File.ReadAllText(full), Path.GetDirectoryName(full));
    }

    /// <summary>Reads the text of a set file.</summary>
    /// <param name="json">The text.</param>
    /// <param name="folder">What a <c>ca_file</c> is relative to; null for the current directory.</param>
    /// <exception cref="CustodianSetException">The text is no usable set; names everything that is wrong with it.</exception>
    public static CustodianSet Parse([StringSyntax(StringSyntaxAttribute.Json)] string json, string? folder = null)
    {
        ArgumentNullException.ThrowIfNull(json);
        List<SetMistake> mistakes = [];
        SetDraft draft = SetFile.Read(json, folder ?? Directory.GetCurrentDirectory(), mistakes);
        return Build(draft, mistakes);
    }

    /// <summary>Finds a node by name. False when the set has none of that name.</summary>
    public bool TryGetNode(NodeId id, [NotNullWhen(true)] out CustodianNode? node) => _byId.TryGetValue(id, out node);

    private static CustodianSet Build(SetDraft draft, List<SetMistake> mistakes)
    {
        SetRules.Check(draft, mistakes);
        return mistakes.Count == 0 ? new CustodianSet(draft) : throw new CustodianSetException(mistakes);
    }
}
