using static Custodian.Pkcs11.Isolation.Frames.FrameFormat;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>The requests of the operations, as <see cref="Host.HostOperation"/> reads them. Their ids are given when they are sent.</summary>
internal static class RequestFrames
{
    public static FrameBuffer Prepare(ReadOnlySpan<byte> point, long expiresUnixMs, ReadOnlySpan<byte> aad)
    {
        var frame = new FrameWriter(FrameKind.Prepare, 0, SizeOf(point.Length) + 8 + SizeOf(aad.Length));
        frame.Bytes(point);
        frame.I64(expiresUnixMs);
        frame.Bytes(aad);
        return frame.Finish();
    }

    public static FrameBuffer Adopt(
        ReadOnlySpan<byte> sealedKey, long nowUnixMs, ReadOnlySpan<byte> prepareAad, ReadOnlySpan<byte> maskedShare, ReadOnlySpan<byte> recordAad)
    {
        var size = SizeOf(sealedKey.Length) + 8 + SizeOf(prepareAad.Length) + SizeOf(maskedShare.Length) + SizeOf(recordAad.Length);
        var frame = new FrameWriter(FrameKind.Adopt, 0, size);
        frame.Bytes(sealedKey);
        frame.I64(nowUnixMs);
        frame.Bytes(prepareAad);
        frame.Bytes(maskedShare);
        frame.Bytes(recordAad);
        return frame.Finish();
    }

    public static FrameBuffer Evaluate(ReadOnlySpan<byte> sealedRecord, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> point)
    {
        var frame = new FrameWriter(FrameKind.Evaluate, 0, SizeOf(sealedRecord.Length) + SizeOf(aad.Length) + SizeOf(point.Length));
        frame.Bytes(sealedRecord);
        frame.Bytes(aad);
        frame.Bytes(point);
        return frame.Finish();
    }

    public static FrameBuffer Seal(ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> aad) => Two(FrameKind.Seal, plaintext, aad);

    public static FrameBuffer Unseal(ReadOnlySpan<byte> sealedBlob, ReadOnlySpan<byte> aad) => Two(FrameKind.Unseal, sealedBlob, aad);

    public static FrameBuffer Reseal(ReadOnlySpan<byte> sealedBlob, ReadOnlySpan<byte> aad) => Two(FrameKind.Reseal, sealedBlob, aad);

    public static FrameBuffer Sign(ReadOnlySpan<byte> message)
    {
        var frame = new FrameWriter(FrameKind.Sign, 0, SizeOf(message.Length));
        frame.Bytes(message);
        return frame.Finish();
    }

    public static FrameBuffer Random(int length)
    {
        var frame = new FrameWriter(FrameKind.Random, 0, 4);
        frame.U32((uint)length);
        return frame.Finish();
    }

    public static FrameBuffer Probe() => new FrameWriter(FrameKind.Probe, 0, 0).Finish();

    public static FrameBuffer Keys(IReadOnlyList<TokenKey>? authorised)
    {
        var frame = new FrameWriter(FrameKind.Keys, 0, TokenKeysField.SizeOfOptional(authorised));
        TokenKeysField.WriteOptional(ref frame, authorised);
        return frame.Finish();
    }

    private static FrameBuffer Two(FrameKind kind, ReadOnlySpan<byte> first, ReadOnlySpan<byte> aad)
    {
        var frame = new FrameWriter(kind, 0, SizeOf(first.Length) + SizeOf(aad.Length));
        frame.Bytes(first);
        frame.Bytes(aad);
        return frame.Finish();
    }
}
