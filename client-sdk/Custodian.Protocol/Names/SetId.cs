using System.Diagnostics.CodeAnalysis;

namespace Custodian.Protocol;

/// <summary>The name of a set of nodes (protocol.md section 3): the nodes over which a user's records are split.</summary>
public readonly record struct SetId : IComparable<SetId>
{
    private readonly string? _value;

    private SetId(string value) => _value = value;

    /// <summary>The name as text; empty only for <c>default</c>, which no parser returns.</summary>
    public string Value => _value ?? "";

    /// <summary>Reads a name. Returns false, and <c>default</c>, when the text is not of the form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out SetId name)
    {
        bool valid = text is not null && DnsLikeName.IsValid(text);
        name = valid ? new SetId(text!) : default;
        return valid;
    }

    /// <summary>Reads a name.</summary>
    /// <exception cref="FormatException">The text is not of the form.</exception>
    public static SetId Parse(string text) =>
        TryParse(text, out SetId name) ? name : throw new FormatException($"a set_id is {DnsLikeName.Form}");

    /// <inheritdoc/>
    public int CompareTo(SetId other) => string.CompareOrdinal(Value, other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value;

    /// <summary>Ordinal order.</summary>
    public static bool operator <(SetId left, SetId right) => left.CompareTo(right) < 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >(SetId left, SetId right) => left.CompareTo(right) > 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator <=(SetId left, SetId right) => left.CompareTo(right) <= 0;

    /// <summary>Ordinal order.</summary>
    public static bool operator >=(SetId left, SetId right) => left.CompareTo(right) >= 0;
}
