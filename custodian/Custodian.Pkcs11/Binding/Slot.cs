using System.Text;

namespace Custodian.Pkcs11.Binding;

/// <summary>A slot with a token in it. The id holds only until the module is initialised again.</summary>
internal sealed record Slot(nuint Id, TokenDescription Token)
{
    public static unsafe Slot Read(nuint id, CkTokenInfo* token) => new(
        id,
        new TokenDescription(
            Text(token->Label, 32),
            Text(token->SerialNumber, 16),
            Text(token->ManufacturerId, 32),
            Text(token->Model, 16),
            (token->Flags & Ckf.TokenInitialized) != 0))
    {
        Flags = token->Flags,
        MaxSessions = token->MaxSessionCount == 0 || token->MaxSessionCount > int.MaxValue ? null : (int)token->MaxSessionCount,
    };

    /// <summary>CKF_*: what the token says of itself, and of its PIN, when it was looked at.</summary>
    public nuint Flags { get; private init; }

    /// <summary>Sessions at once; null where the token sets no limit or does not say.</summary>
    public int? MaxSessions { get; private init; }

    public bool Matches(string? label, string? serial) =>
        Token.Initialised
        && (string.IsNullOrEmpty(label) || Token.Label == label)
        && (string.IsNullOrEmpty(serial) || Token.Serial == serial);

    // Fields are padded with blanks; some modules pad with NUL against the standard.
    private static unsafe string Text(byte* field, int length) =>
        Encoding.UTF8.GetString(field, length).TrimEnd(' ', '\0');
}
