using Custodian.Node.Host;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>What an operator can do about a token whose keys are not what <c>init</c> needs.</summary>
internal static class KeyAdvice
{
    /// <summary>For an init that would make keys where some are.</summary>
    internal static string WhenSomeExist(IReadOnlyList<string> present, HsmSettings hsm, EvaluationMode mode) => TokenKeys.Lacking(present, mode).Count > 0
        ? WhenSomeAreMissing(present, hsm, mode)
        : $"the token '{hsm.TokenLabel}' already has {string.Join(", ", present)}; "
            + "if an earlier init was interrupted go on with --reuse-keys, if the database was lost restore a backup of it";

    /// <summary>For a token that has none or some of the keys. Those there are of no use alone, but a backup may be under them.</summary>
    internal static string WhenSomeAreMissing(IReadOnlyList<string> present, HsmSettings hsm, EvaluationMode mode)
    {
        IReadOnlyList<string> missing = TokenKeys.Lacking(present, mode);
        string otherwise = TokenKeys.Lacking(present, EvaluationMode.Memory).Count == 0 ? ModeAdvice.KeysOfOther() : "";
        return present.Count == 0
            ? $"the token '{hsm.TokenLabel}' has no keys to reuse; run init without --reuse-keys"
            : $"the token '{hsm.TokenLabel}' has {string.Join(", ", present)} but lacks {string.Join(", ", missing)}{otherwise}; if this token ever served a node, bring the "
                + "missing keys back from the HSM's backup, and remove nothing; if its first init was interrupted, nothing is under the keys "
                + $"yet: remove them and run init again without --reuse-keys:{string.Concat(present.SelectMany(label => Removals(label, hsm)))}";
    }

    /// <summary>For two keys of one version, of which an operator must say which is the node's.</summary>
    internal static string WhenThereAreTwo(IReadOnlyList<TokenKey> twins) =>
        $"the token has {twins.Count} keys {TokenKeys.LabelOf(twins[0])} ({string.Join("; ", twins.Select(KeyStanding.IdentityOf))}), and nobody has said which "
        + "is the node's: a database of the node says it; if there is none, init with another token";

    private static IEnumerable<string> Removals(string label, HsmSettings hsm) =>
        (label.StartsWith("custodian/audit/", StringComparison.Ordinal) ? ["privkey", "pubkey"] : (string[])["secrkey"]).Select(
            type => $"\n  pkcs11-tool --module {hsm.Module} --token-label '{hsm.TokenLabel}' --login --delete-object --type {type} --label {label}");
}
