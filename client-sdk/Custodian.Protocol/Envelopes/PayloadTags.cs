namespace Custodian.Protocol;

/// <summary>The tags of <c>SecretPayload</c> and <c>FormerOwner</c> (protocol.md section 12): field number and wire type 2, length-delimited.</summary>
internal static class PayloadTags
{
    internal const byte Secret = (1 << 3) | 2;
    internal const byte ContentType = (2 << 3) | 2;
    internal const byte Label = (3 << 3) | 2;
    internal const byte FormerOwners = (4 << 3) | 2;

    internal const byte FormerRecordId = (1 << 3) | 2;
    internal const byte FormerPrivateKey = (2 << 3) | 2;
}
