using System.Text;
using static Custodian.Pkcs11.Isolation.Frames.FrameFormat;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>The answers, written by the HSM's process and read by the node.</summary>
internal static class AnswerFrames
{
    /// <summary>The most of a message that crosses over; the rest of it is cut off.</summary>
    private const int LongestText = 512;

    public static FrameBuffer Nothing(ulong id) => new FrameWriter(FrameKind.Done, id, 0).Finish();

    /// <summary>An answer that has no fields, and says by coming that it was done.</summary>
    public static bool ReadNothing(ref FrameReader answer) => true;

    public static FrameBuffer Bytes(ulong id, ReadOnlySpan<byte> bytes)
    {
        var frame = new FrameWriter(FrameKind.Done, id, SizeOf(bytes.Length));
        frame.Bytes(bytes);
        return frame.Finish();
    }

    /// <summary>A blob: nothing that is secret.</summary>
    public static byte[] ReadBytes(ref FrameReader answer) => answer.Bytes().ToArray();

    /// <summary>A secret, in pinned memory; its owner zeroes it.</summary>
    public static byte[] ReadSecret(ref FrameReader answer) => Pinned(answer.Bytes());

    public static FrameBuffer Signed(ulong id, HsmSignature signature)
    {
        var frame = new FrameWriter(FrameKind.Done, id, 4 + SizeOf(signature.Value.Length));
        frame.U32(signature.KeyVersion);
        frame.Bytes(signature.Value);
        return frame.Finish();
    }

    public static HsmSignature ReadSigned(ref FrameReader answer) =>
        new(answer.U32(), answer.Bytes(OperationRules.SignatureLength).ToArray());

    public static FrameBuffer Keys(ulong id, KeyInventory keys)
    {
        var frame = new FrameWriter(FrameKind.Done, id, InventoryField.SizeOf(keys));
        InventoryField.Write(ref frame, keys);
        return frame.Finish();
    }

    public static KeyInventory ReadKeys(ref FrameReader answer) => InventoryField.Read(ref answer);

    public static FrameBuffer Prepared(ulong id, PreparedKey prepared)
    {
        var frame = new FrameWriter(FrameKind.Done, id, SizeOf(prepared.Evaluated.Length) + SizeOf(prepared.SealedKey.Length));
        frame.Bytes(prepared.Evaluated);
        frame.Bytes(prepared.SealedKey);
        return frame.Finish();
    }

    public static PreparedKey ReadPrepared(ref FrameReader answer) =>
        new(Pinned(answer.Bytes(OperationRules.CoordinateLength)), answer.Bytes().ToArray());

    public static FrameBuffer Evaluated(ulong id, Evaluation evaluation)
    {
        var frame = new FrameWriter(FrameKind.Done, id, SizeOf(evaluation.Evaluated.Length) + SizeOf(evaluation.MaskedShare.Length));
        frame.Bytes(evaluation.Evaluated);
        frame.Bytes(evaluation.MaskedShare);
        return frame.Finish();
    }

    public static Evaluation ReadEvaluated(ref FrameReader answer) =>
        new(Pinned(answer.Bytes(OperationRules.CoordinateLength)), Pinned(answer.Bytes(OperationRules.MaskedShareLength)));

    public static FrameBuffer Adopted(ulong id, AdoptedKey adopted)
    {
        var sealedRecord = adopted.SealedRecord ?? [];
        var frame = new FrameWriter(FrameKind.Done, id, 1 + SizeOf(sealedRecord.Length));
        frame.U8((byte)adopted.Outcome);
        frame.Bytes(sealedRecord);
        return frame.Finish();
    }

    public static AdoptedKey ReadAdopted(ref FrameReader answer)
    {
        var outcome = (AdoptOutcome)answer.U8();
        var sealedRecord = answer.Bytes();
        if (!Enum.IsDefined(outcome) || sealedRecord.IsEmpty == (outcome == AdoptOutcome.Adopted))
        {
            throw new MalformedFrameException("An adoption that ended in no known way.");
        }
        return new(outcome, sealedRecord.IsEmpty ? null : sealedRecord.ToArray());
    }

    public static FrameBuffer Failed(ulong id, HsmException failure)
    {
        var (function, message) = (Short(failure.Function), Short(failure.Message));
        var size = 1 + 8 + SizeOf(Encoding.UTF8.GetByteCount(function)) + SizeOf(Encoding.UTF8.GetByteCount(message));
        var frame = new FrameWriter(FrameKind.Failed, id, size);
        frame.U8((byte)failure.Class);
        frame.U64(failure.ReturnValue);
        frame.Text(function);
        frame.Text(message);
        return frame.Finish();
    }

    public static HsmException ReadFailed(ref FrameReader answer)
    {
        var errorClass = (HsmErrorClass)answer.U8();
        return Enum.IsDefined(errorClass)
            ? new(errorClass, answer.U64(), answer.Text(), answer.Text())
            : throw new MalformedFrameException("A failure of no known class.");
    }

    private static string Short(string text) => text.Length <= LongestText ? text : text[..LongestText];

    private static byte[] Pinned(ReadOnlyMemory<byte> secret)
    {
        var copy = GC.AllocateUninitializedArray<byte>(secret.Length, pinned: true);
        secret.Span.CopyTo(copy);
        return copy;
    }
}
