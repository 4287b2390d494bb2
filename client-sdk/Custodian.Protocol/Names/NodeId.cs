using System.Diagnostics.CodeAnalysis;

namespace Custodian.Protocol;

/// <summary>The name of one custodian node (protocol.md section 3): one custodian in one region with its own HSM.</summary>
public readonly record struct NodeId : IComparable<NodeId>
{
    private readonly string? _value;

    private NodeId(string value) => _value = value;

    /// <summary>The name as text; empty only for <c>default</c>, which no parser returns.</summary>
    public string Value => _value ?? "";

    /// <summary>Reads a name. Returns false, and <c>default</c>, when the text is not of the form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out NodeId name)
    {
        bool valid = text is not null && DnsLikeName.IsValid(text);
        name = valid ? new NodeId(text!) : default;
        return valid;
    }

    /// <summary>Reads a name.</summary>
    /// <exception cref="FormatException">The text is not of the form.</exception>
    public static NodeId Parse(string text) =>
        TryParse(text, out NodeId name) ? name : throw new FormatException($"a node_id is {DnsLikeName.Form}");

    /// <inheritdoc/>
    public int CompareTo(NodeId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;

    /// <summary>Ordinal order.</summary>
    public static bool operator <(NodeId left, NodeId right) => left.CompareTo(right) < 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >(NodeId left, NodeId right) => left.CompareTo(right) > 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator <=(NodeId left, NodeId right) => left.CompareTo(right) <= 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >=(NodeId left, NodeId right) => left.CompareTo(right) >= 0;
}
