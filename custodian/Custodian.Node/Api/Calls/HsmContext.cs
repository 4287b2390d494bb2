using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Api.Calls;

/// <summary>
/// What a blob of the HSM is bound to (architecture.md "The HSM"), so that it opens for no other purpose, node, account or record:
/// <c>"custodian/v1 hsm" || lp(purpose) || lp(node_id) || lp(account row) || lp(record_id)</c>. The HSM adds the key's version.
/// </summary>
internal sealed class HsmContext(NodeProfile profile, IAccountStore store)
{
    /// <summary>The context of a sealed_key, between Prepare and Deposit.</summary>
    internal byte[] OfPrepare(AccountId account, RecordId record) => Of("prepare", account, record);

    /// <summary>The context of a stored record's secret part.</summary>
    internal byte[] OfRecord(AccountId account, RecordId record) => Of("record", account, record);

    /// <summary>The same, where only the name of the account's row is known.</summary>
    internal static byte[] OfRecord(NodeId node, ReadOnlySpan<byte> row, RecordId record) => Of("record", node, row, record);

    private byte[] Of(string purpose, AccountId account, RecordId record) => Of(purpose, profile.Node, store.RowOf(account).Span, record);

    private static byte[] Of(string purpose, NodeId node, ReadOnlySpan<byte> row, RecordId record) =>
        new LengthPrefixed("custodian/v1 hsm")
            .Lp(purpose)
            .Lp(node.Value)
            .Lp(row)
            .Lp(record.ToArray())
            .ToArray();
}
