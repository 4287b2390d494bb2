using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>Reads the JSON of a set, notes what has the wrong form, and goes on.</summary>
internal sealed class SetFile
{
    private static readonly ImmutableArray<string> SetFields =
        ["$schema", "set_id", "threshold", "min_threshold", "allow_shared_regions", "allow_dominant_operator", "nodes"];

    private static readonly ImmutableArray<string> NodeFields =
        ["node_id", "region", "operator", "address", "retired", "spki_sha256", "ca_file"];

    private readonly string _folder;
    private readonly List<SetMistake> _mistakes;

    private SetFile(string folder, List<SetMistake> mistakes) => (_folder, _mistakes) = (folder, mistakes);

    internal static SetDraft Read(string json, string folder, List<SetMistake> mistakes)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new SetFile(folder, mistakes).ReadSet(document.RootElement);
        }
        catch (JsonException error)
        {
            throw new CustodianSetException([new SetMistake("", $"not JSON with distinct names: {error.Message}")]);
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException)
        {
            throw new CustodianSetException([new SetMistake("", "holds text that is not Unicode, such as half of a surrogate pair")]);
        }
    }

    private SetDraft ReadSet(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new CustodianSetException([new SetMistake("", "a JSON object")]);
        }

        RefuseOthers(root, "", SetFields);
        return new SetDraft
        {
            Id = ReadName(root, "", "set_id", text => SetId.TryParse(text, out SetId id) ? id : (SetId?)null),
            Threshold = ReadInteger(root, "threshold", required: true),
            MinThreshold = ReadInteger(root, "min_threshold", required: false),
            AllowSharedRegions = ReadFlag(root, "", "allow_shared_regions"),
            AllowDominantOperator = ReadFlag(root, "", "allow_dominant_operator"),
            Nodes = ReadNodes(root),
        };
    }

    private ImmutableArray<NodeDraft> ReadNodes(JsonElement root)
    {
        if (root.TryGetProperty("nodes", out JsonElement nodes) && nodes.ValueKind == JsonValueKind.Array)
        {
            return [.. nodes.EnumerateArray().Select((node, i) => ReadNode(node, $"nodes[{i}]"))];
        }

        Note("nodes", "a list of nodes");
        return [];
    }

    private NodeDraft ReadNode(JsonElement node, string path)
    {
        if (node.ValueKind != JsonValueKind.Object)
        {
            Note(path, "an object");
            return new NodeDraft();
        }

        RefuseOthers(node, path + ".", NodeFields);
        return new NodeDraft
        {
            Id = ReadName(node, path + ".", "node_id", text => NodeId.TryParse(text, out NodeId id) ? id : (NodeId?)null),
            Region = ReadText(node, path + ".", "region"),
            Operator = ReadText(node, path + ".", "operator"),
            Address = ReadAddress(node, path),
            Retired = ReadFlag(node, path + ".", "retired"),
            Pins = ReadPins(node, path),
            Authorities = ReadAuthorities(node, path),
        };
    }

    private void RefuseOthers(JsonElement element, string prefix, ImmutableArray<string> known)
    {
        foreach (JsonProperty property in element.EnumerateObject().Where(p => !known.Contains(p.Name)))
        {
            Note(prefix + property.Name, $"no such field; there are {string.Join(", ", known)}");
        }
    }

    private T? ReadName<T>(JsonElement element, string prefix, string field, Func<string?, T?> parse)
        where T : struct
    {
        T? name = element.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? parse(value.GetString())
            : null;
        if (name is null)
        {
            Note(prefix + field, DnsLikeName.Form);
        }

        return name;
    }

    private string? ReadText(JsonElement element, string prefix, string field)
    {
        string? text = element.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!.Trim()
            : null;
        if (string.IsNullOrEmpty(text))
        {
            Note(prefix + field, "a name that is not empty");
        }

        return string.IsNullOrEmpty(text) ? null : text;
    }

    private int? ReadInteger(JsonElement root, string field, bool required)
    {
        if (!root.TryGetProperty(field, out JsonElement value) && !required)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number))
        {
            return number;
        }

        Note(field, "a whole number");
        return null;
    }

    private bool ReadFlag(JsonElement element, string prefix, string field)
    {
        if (!element.TryGetProperty(field, out JsonElement value))
        {
            return false;
        }

        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            Note(prefix + field, "true or false");
        }

        return value.ValueKind == JsonValueKind.True;
    }

    private Uri? ReadAddress(JsonElement node, string path)
    {
        string? text = node.TryGetProperty("address", out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
        if (Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && NamesPort(text) && SetRules.IsAddress(address))
        {
            return address;
        }

        Note($"{path}.address", "https://host:port, without path, user or query");
        return null;
    }

    /// <summary>Whether the port is written out: a node on 443 by oversight is a node that nobody finds.</summary>
    private static bool NamesPort(string address)
    {
        ReadOnlySpan<char> authority = address.AsSpan().TrimEnd('/');
        ReadOnlySpan<char> port = authority[(authority.LastIndexOf(':') + 1)..];
        return port.Length > 0 && !port.ContainsAnyExceptInRange('0', '9');
    }

    private ImmutableArray<string> ReadPins(JsonElement node, string path)
    {
        if (!node.TryGetProperty("spki_sha256", out JsonElement pins))
        {
            return [];
        }

        if (pins.ValueKind == JsonValueKind.Array && pins.EnumerateArray().All(p => p.ValueKind == JsonValueKind.String))
        {
            return [.. pins.EnumerateArray().Select(p => p.GetString()!)];
        }

        Note($"{path}.spki_sha256", "a list of SHA-256 digests in base64");
        return [];
    }

    private ImmutableArray<X509Certificate2> ReadAuthorities(JsonElement node, string path)
    {
        if (!node.TryGetProperty("ca_file", out JsonElement value))
        {
            return [];
        }

        X509Certificate2Collection found = [];
        try
        {
            found.ImportFromPemFile(Path.Combine(_folder, value.GetString() ?? ""));
        }
        catch (Exception error) when (error is
            IOException or UnauthorizedAccessException or CryptographicException or InvalidOperationException or ArgumentException)
        {
            Note($"{path}.ca_file", $"a file of PEM certificates that can be read: {error.Message}");
            return [];
        }

        if (found.Count == 0)
        {
            Note($"{path}.ca_file", "a file with at least one PEM certificate");
        }

        return [.. found];
    }

    private void Note(string field, string problem) => _mistakes.Add(new SetMistake(field, problem));
}
