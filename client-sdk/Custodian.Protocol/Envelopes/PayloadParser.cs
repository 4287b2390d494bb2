using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Custodian.Protocol;

/// <summary>Reads a <c>SecretPayload</c> in place: secrets are copied once, from the caller's pinned buffer to the payload's.</summary>
internal static class PayloadParser
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    internal static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out EnvelopePayload? payload)
    {
        var formerOwners = ImmutableArray.CreateBuilder<FormerOwnerKey>();
        payload = TryReadFields(bytes, formerOwners, out ReadOnlySpan<byte> secret, out string contentType, out string label)
            ? new EnvelopePayload(secret, contentType, label, formerOwners.ToImmutable())
            : null;
        if (payload is null)
        {
            Dispose(formerOwners);
        }

        return payload is not null;
    }

    private static bool TryReadFields(
        ReadOnlySpan<byte> bytes,
        ImmutableArray<FormerOwnerKey>.Builder formerOwners,
        out ReadOnlySpan<byte> secret,
        out string contentType,
        out string label)
    {
        secret = default;
        contentType = label = "";
        WireReader reader = new(bytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadField(out uint tag, out ReadOnlySpan<byte> content))
            {
                return false;
            }

            bool isGood = true;
            switch (tag)
            {
                case PayloadTags.Secret:
                    secret = content;
                    break;
                case PayloadTags.ContentType:
                    isGood = TryReadText(content, out contentType);
                    break;
                case PayloadTags.Label:
                    isGood = TryReadText(content, out label);
                    break;
                case PayloadTags.FormerOwners:
                    isGood = TryReadFormerOwner(content, formerOwners);
                    break;
            }

            if (!isGood)
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryReadText(ReadOnlySpan<byte> content, out string text)
    {
        try
        {
            text = StrictUtf8.GetString(content);
            return true;
        }
        catch (DecoderFallbackException)
        {
            text = "";
            return false;
        }
    }

    private static bool TryReadFormerOwner(ReadOnlySpan<byte> bytes, ImmutableArray<FormerOwnerKey>.Builder formerOwners)
    {
        ReadOnlySpan<byte> recordId = default;
        ReadOnlySpan<byte> privateKey = default;
        WireReader reader = new(bytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadField(out uint tag, out ReadOnlySpan<byte> content))
            {
                return false;
            }

            recordId = tag == PayloadTags.FormerRecordId ? content : recordId;
            privateKey = tag == PayloadTags.FormerPrivateKey ? content : privateKey;
        }

        if (RecordId.TryRead(recordId, out RecordId record) && P256.IsValidScalar(privateKey))
        {
            formerOwners.Add(new FormerOwnerKey(record, privateKey));
        }

        return true;
    }

    private static void Dispose(IEnumerable<FormerOwnerKey> formerOwners)
    {
        foreach (FormerOwnerKey former in formerOwners)
        {
            former.Dispose();
        }
    }
}
