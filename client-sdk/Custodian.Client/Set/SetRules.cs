using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>The rules of a set, over what could be read of it; every rule that is broken is noted.</summary>
internal static class SetRules
{
    private const string AddressForm = "https://host:port, without path, user or query";

    internal static void Check(SetDraft draft, List<SetMistake> mistakes)
    {
        CheckThreshold(draft, mistakes);
        CheckNodes(draft.Nodes, mistakes);
        CheckDistinct(draft.Nodes, "node_id", n => n.Id?.Value, _ => true, mistakes);
        CheckDistinct(draft.Nodes, "address", n => n.Address?.AbsoluteUri, _ => true, mistakes);
        if (!draft.AllowSharedRegions)
        {
            CheckDistinct(draft.Nodes, "region", n => n.Region, n => !n.Retired, mistakes);
        }

        if (!draft.AllowDominantOperator)
        {
            CheckOperators(draft, mistakes);
        }
    }

    /// <summary>Whether an address is one, and not more than one.</summary>
    internal static bool IsAddress(Uri address) =>
        address.IsAbsoluteUri
        && address.Scheme == Uri.UriSchemeHttps
        && address.Host.Length > 0
        && address.AbsolutePath == "/"
        && address.Query.Length == 0
        && address.Fragment.Length == 0
        && address.UserInfo.Length == 0;

    private static void CheckThreshold(SetDraft draft, List<SetMistake> mistakes)
    {
        int n = draft.Nodes.Count(node => !node.Retired);
        if (n is < 1 or > Limits.MaxParticipants)
        {
            mistakes.Add(new("nodes", $"1 to {Limits.MaxParticipants} nodes that are not retired, not {n}"));
        }
        else if (draft.Threshold is { } t && (t < 1 || t > n || 2 * (long)t <= n))
        {
            mistakes.Add(new("threshold", $"{(n / 2) + 1} to {n} for {n} nodes that are not retired, not {t}"));
        }

        if (draft is { MinThreshold: { } min, Threshold: { } threshold } && (min < 1 || min > threshold))
        {
            mistakes.Add(new("min_threshold", $"1 to the threshold, not {min}"));
        }
    }

    private static void CheckNodes(ImmutableArray<NodeDraft> nodes, List<SetMistake> mistakes)
    {
        for (int i = 0; i < nodes.Length; i++)
        {
            NodeDraft node = nodes[i];
            if (node.Address is { } address && !IsAddress(address))
            {
                mistakes.Add(new($"nodes[{i}].address", AddressForm));
            }

            if (node.Id is { Value: "" })
            {
                mistakes.Add(new($"nodes[{i}].node_id", DnsLikeName.Form));
            }

            if (node.Pins.Any(pin => !IsPin(pin)))
            {
                mistakes.Add(new($"nodes[{i}].spki_sha256", "SHA-256 digests of 32 bytes in base64"));
            }
        }
    }

    private static bool IsPin(string pin)
    {
        Span<byte> bytes = stackalloc byte[Limits.WordSize];
        return Convert.TryFromBase64String(pin, bytes, out int written) && written == Limits.WordSize;
    }

    private static void CheckDistinct(
        ImmutableArray<NodeDraft> nodes, string field, Func<NodeDraft, string?> key, Func<NodeDraft, bool> counts, List<SetMistake> mistakes)
    {
        Dictionary<string, int> first = [];
        for (int i = 0; i < nodes.Length; i++)
        {
            if (counts(nodes[i]) && key(nodes[i]) is { } value && !first.TryAdd(value, i))
            {
                mistakes.Add(new($"nodes[{i}].{field}", $"\"{value}\" is that of nodes[{first[value]}] already"));
            }
        }
    }

    private static void CheckOperators(SetDraft draft, List<SetMistake> mistakes)
    {
        var byOperator = draft.Nodes.Where(n => n is { Retired: false, Operator: not null }).GroupBy(n => n.Operator!);
        foreach (var group in byOperator.Where(g => draft.Threshold is { } t && g.Count() >= t && draft.Nodes.Length > 1))
        {
            mistakes.Add(new(
                "nodes", $"operator \"{group.Key}\" has {group.Count()} nodes, as many as recover a key; fewer than {draft.Threshold} each"));
        }
    }
}
