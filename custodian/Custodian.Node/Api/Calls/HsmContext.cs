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

    private byte[] Of(string purpose, AccountId account, RecordId record) =>
        new LengthPrefixed("custodian/v1 hsm")
            .Lp(purpose)
            .Lp(profile.Node.Value)
            .Lp(store.RowOf(account).Span)
            .Lp(record.ToArray())
            .ToArray();
}
