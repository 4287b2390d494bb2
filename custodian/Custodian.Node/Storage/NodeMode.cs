using Custodian.Pkcs11;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// Where a node evaluates its records' keys, as its database says. It stands in the header of the node's sealed secrets, which the HSM
/// authenticates when it opens them: edited, the database does not open, and no configuration has a say in it.
/// </summary>
internal static class NodeMode
{
    /// <summary>
    /// What a database claims, before its HSM has opened it: to know how to open that. A file that does not say is taken for one of a
    /// node that evaluates in the HSM; what is wrong with it is told by whoever opens it.
    /// </summary>
    internal static EvaluationMode Claimed(SqliteStoreOptions options)
    {
        try
        {
            return File.Exists(options.Path) ? Claimed(NodeDatabase.ReadIdentity(options)) : EvaluationMode.Hsm;
        }
        catch (Exception unread) when (unread is StorageException or SqliteException)
        {
            return EvaluationMode.Hsm;
        }
    }

    private static EvaluationMode Claimed(NodeIdentity identity) =>
        EvaluationModes.TryRead(identity.SealedSecrets.Span, out EvaluationMode mode) ? mode : EvaluationMode.Hsm;
}
