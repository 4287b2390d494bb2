using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Custodian.Node.Access;
using Custodian.Node.Host;
using Custodian.Protocol;

namespace Custodian.Node.Commands;

/// <summary>How an operator names an account: as its identity provider does. The node itself cannot list names; it does not store any.</summary>
internal sealed class AccountOptions(bool required)
{
    private readonly Option<string?> _set = new("--set") { Description = "the set_id", Required = required };
    private readonly Option<string?> _issuer = new("--issuer") { Description = "the 'iss' of the user's tokens", Required = required };
    private readonly Option<string?> _subject = new("--subject") { Description = "the 'sub' of the user's tokens", Required = required };

    internal IEnumerable<Option> All => [_set, _issuer, _subject];

    internal bool AreGiven(ParseResult parsed) =>
        parsed.GetValue(_set) is not null || parsed.GetValue(_issuer) is not null || parsed.GetValue(_subject) is not null;

    /// <summary>The account, or false with a message printed.</summary>
    internal bool TryRead(ParseResult parsed, NodeConfiguration configuration, [NotNullWhen(true)] out AccountId? account)
    {
        account = null;
        if (!SetId.TryParse(parsed.GetValue(_set), out SetId set) || !configuration.Sets.Contains(set))
        {
            Terminal.Error($"--set must be one that this node serves: {string.Join(", ", configuration.Sets)}");
            return false;
        }

        if (parsed.GetValue(_issuer) is not { Length: > 0 } issuer || parsed.GetValue(_subject) is not { Length: > 0 } subject)
        {
            Terminal.Error("an account is named by --set, --issuer and --subject together");
            return false;
        }

        account = new Caller(issuer, subject).AccountAt(set);
        return true;
    }
}
