using System.Globalization;
using System.Text;

namespace Custodian.Pkcs11.Keys;

/// <summary>The labels of the node's keys in its token, <c>custodian/purpose/version</c>.</summary>
internal static class TokenKeyNames
{
    /// <summary>The version that is made first.</summary>
    public const uint First = 1;

    public const string Seal = "custodian/seal/1";
    public const string Wrap = "custodian/wrap/1";
    public const string Audit = "custodian/audit/1";

    private const string Prefix = "custodian/";

    /// <summary>The purposes, in the order in which their keys are made.</summary>
    public static IReadOnlyList<KeyPurpose> Purposes { get; } = [KeyPurpose.Seal, KeyPurpose.Wrap, KeyPurpose.Audit];

    /// <summary>Those of the keys that a node of a mode uses.</summary>
    public static IEnumerable<KeyPurpose> PurposesOf(EvaluationMode mode) =>
        Purposes.Where(purpose => mode == EvaluationMode.Hsm || purpose != KeyPurpose.Wrap);

    public static string Of(KeyPurpose purpose, uint version) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Word(purpose)}/{version}");

    /// <summary>Reads a label; false for one that <see cref="Of"/> does not write.</summary>
    public static bool TryParse(ReadOnlySpan<byte> label, out KeyPurpose purpose, out uint version)
    {
        var text = Encoding.Latin1.GetString(label);
        var last = text.LastIndexOf('/');
        purpose = Purposes.FirstOrDefault(p => text.StartsWith($"{Prefix}{Word(p)}/", StringComparison.Ordinal));
        return uint.TryParse(text.AsSpan(last + 1), NumberStyles.None, CultureInfo.InvariantCulture, out version)
            && version > 0
            && purpose != default
            && text == Of(purpose, version);
    }

    private static string Word(KeyPurpose purpose) => purpose switch
    {
        KeyPurpose.Seal => "seal",
        KeyPurpose.Wrap => "wrap",
        KeyPurpose.Audit => "audit",
        _ => throw new ArgumentOutOfRangeException(nameof(purpose), purpose, "A node has no key for it."),
    };
}
