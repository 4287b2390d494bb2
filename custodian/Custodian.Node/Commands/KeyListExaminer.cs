using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Examination;

namespace Custodian.Node.Commands;

/// <summary>Whether a token and the list of keys in the node's database fit together. The list is read only once it is known to be the node's own.</summary>
internal static class KeyListExaminer
{
    private const string Needed = "the keys that the node's database lists";

    /// <summary>Nothing before there is a database, and of a token that cannot serve or has no keys yet.</summary>
    internal static async Task<IReadOnlyList<ExaminedPart>> ExamineAsync(
        NodeConfiguration configuration, Pkcs11HsmOptions options, ModuleExamination found, CancellationToken cancellation)
    {
        if (!found.CanServe || !File.Exists(configuration.DatabaseFile) || (await TokenKeys.FindAsync(options, cancellation)).Count == 0)
        {
            return [];
        }

        try
        {
            return await ExamineAsync(configuration, options, cancellation);
        }
        catch (Exception unopened) when (unopened is HsmException or StorageException or NodeStartException)
        {
            return [new(Needed, $"cannot be looked at: {unopened.Message.TrimEnd('.')}", Fitness.Weaker, "nobody can say which keys of this token are the node's")];
        }
    }

    private static async Task<IReadOnlyList<ExaminedPart>> ExamineAsync(NodeConfiguration configuration, Pkcs11HsmOptions options, CancellationToken cancellation)
    {
        SqliteStoreOptions database = NodeRuntime.StoreOptions(configuration);
        await using Pkcs11Hsm hsm = await Pkcs11Hsm.OpenAsync(options, cancellation);
        using NodeSecrets secrets = await NodeRuntime.OpenSecretsAsync(configuration, database, hsm);
        if (NodeDatabase.SchemaOf(database) < Schema.WithKeyList)
        {
            return [new(Needed, "a database of an older program", Fitness.Good, "'custodian serve' notes its keys when it brings it forward")];
        }

        KeyStanding standing = await KeyStanding.ReadAsync(KeyList.Read(database, secrets), NodeDatabase.ReadIdentity(database).SealedSecrets, hsm);
        return
        [
            standing.Refusal is { } refusal
                ? new(Needed, refusal, Fitness.Unfit, "serve refuses to start")
                : new(Needed, string.Join(", ", standing.Keys.InUse.Select(TokenKeys.LabelOf)) + " are in use", Fitness.Good, ""),
            .. standing.Remarkable().Except(standing.Keys.Unused).Select(key => new ExaminedPart("no other key of their labels", $"{key.Label}: {key.Why}", Fitness.Weaker, "")),
        ];
    }
}
