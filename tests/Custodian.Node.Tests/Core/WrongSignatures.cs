using Custodian.Node.Tests.Records;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Core;

/// <summary>Every way a signature can be good for something else than the call it comes with (protocol.md section 10).</summary>
internal static class WrongSignatures
{
    internal static IEnumerable<byte[]> For(
        ClientRecord record, SigningKey key, SignaturePurpose purpose, SignaturePurpose otherPurpose, byte[] body)
    {
        byte[] otherBody = [.. body];
        otherBody[^1] ^= 1;
        byte[] altered = record.Sign(key, purpose, body);
        altered[20] ^= 1;
        AccountId otherAccount = AccountId.Derive(ClientRecord.Set, ClientRecord.Issuer, "another user");
        return
        [
            record.Sign(ClientRecord.NewKey(), purpose, body),
            record.Sign(key, otherPurpose, body),
            record.Sign(key, purpose, otherBody),
            record.Sign(key, purpose, body, node: NodeId.Parse("node-b.example")),
            record.Sign(key, purpose, body, account: otherAccount),
            record.Sign(key, purpose, body, record: RecordId.Draw()),
            altered,
            new byte[64],
            [],
        ];
    }
}
