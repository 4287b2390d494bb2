using Custodian.Protocol;

namespace Custodian.Core;

/// <summary>Why a record that a call names is not live.</summary>
internal static class Missing
{
    internal static RefusalReason Reason(Account account, RecordId record) =>
        account.FindTombstone(record) is null ? RefusalReason.RecordNotFound : RefusalReason.RecordDestroyed;
}
