using System.Text;

namespace Custodian.Protocol;

/// <summary>Writes a <c>SecretPayload</c> into one pinned buffer of exactly its size, fields in ascending order, empty ones left out.</summary>
internal ref struct PayloadWriter
{
    private const int FormerOwnerSize = 2 + RecordId.Size + 2 + P256.WordSize;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private Span<byte> _rest;

    internal static byte[] Write(EnvelopePayload payload)
    {
        byte[] contentType = StrictUtf8.GetBytes(payload.ContentType);
        byte[] label = StrictUtf8.GetBytes(payload.Label);
        byte[] bytes = Pinned.Bytes(
            FieldSize(payload.Secret.Length)
            + FieldSize(contentType.Length)
            + FieldSize(label.Length)
            + (payload.FormerOwners.Length * (2 + FormerOwnerSize)));
        PayloadWriter writer = new() { _rest = bytes };
        writer.Field(PayloadTags.Secret, payload.Secret);
        writer.Field(PayloadTags.ContentType, contentType);
        writer.Field(PayloadTags.Label, label);
        foreach (FormerOwnerKey former in payload.FormerOwners)
        {
            writer.FormerOwner(former);
        }

        return bytes;
    }

    private static int FieldSize(int length) => length == 0 ? 0 : 1 + VarintSize(length) + length;

    private static int VarintSize(int value)
    {
        int size = 1;
        while ((value >>= 7) != 0)
        {
            size++;
        }

        return size;
    }

    private void FormerOwner(FormerOwnerKey former)
    {
        Byte(PayloadTags.FormerOwners);
        Byte(FormerOwnerSize);
        Field(PayloadTags.FormerRecordId, former.Record.ToArray());
        Field(PayloadTags.FormerPrivateKey, former.PrivateKey);
    }

    private void Field(byte tag, ReadOnlySpan<byte> content)
    {
        if (content.IsEmpty)
        {
            return;
        }

        Byte(tag);
        Varint(content.Length);
        content.CopyTo(_rest);
        _rest = _rest[content.Length..];
    }

    private void Varint(int value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            Byte((byte)((value & 0x7f) | 0x80));
        }

        Byte((byte)value);
    }

    private void Byte(byte value)
    {
        _rest[0] = value;
        _rest = _rest[1..];
    }
}
