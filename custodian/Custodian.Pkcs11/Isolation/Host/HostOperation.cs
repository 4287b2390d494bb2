using System.Security.Cryptography;
using Custodian.Pkcs11.Isolation.Frames;
using Custodian.Pkcs11.Sealing;
using Custodian.Pkcs11.Sessions;

namespace Custodian.Pkcs11.Isolation.Host;

/// <summary>Turns requests into operations that end in the frame that answers them.</summary>
internal static class HostOperation
{
    /// <summary>Reads a request. Its payload must stay as it is until the operation has run.</summary>
    /// <exception cref="MalformedFrameException">It is no request of an operation.</exception>
    public static HsmOperation<FrameBuffer> Parse(FrameKind kind, ulong id, ReadOnlyMemory<byte> payload)
    {
        var fields = new FrameReader(payload);
        var run = kind switch
        {
            FrameKind.Prepare => Prepare(id, ref fields),
            FrameKind.Adopt => Adopt(id, ref fields),
            FrameKind.Evaluate => Evaluate(id, ref fields),
            FrameKind.Seal => Seal(id, ref fields),
            FrameKind.Unseal => Unseal(id, ref fields),
            FrameKind.Sign => Sign(id, ref fields),
            FrameKind.Random => Random(id, ref fields),
            FrameKind.Probe => Probe(id),
            FrameKind.Reseal => Reseal(id, ref fields),
            FrameKind.Keys => Keys(id, ref fields),
            _ => throw new MalformedFrameException($"A frame of kind {kind} where a request was due."),
        };
        fields.End();
        return run;
    }

    private static HsmOperation<FrameBuffer> Prepare(ulong id, ref FrameReader fields)
    {
        var prepare = HsmOperations.Prepare(Point(ref fields), fields.I64(), fields.Bytes());
        return lease =>
        {
            var prepared = prepare(lease);
            try
            {
                return AnswerFrames.Prepared(id, prepared);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(prepared.Evaluated);
            }
        };
    }

    private static HsmOperation<FrameBuffer> Adopt(ulong id, ref FrameReader fields)
    {
        var adopt = HsmOperations.Adopt(
            fields.Bytes(), fields.I64(), fields.Bytes(), fields.Bytes(OperationRules.MaskedShareLength), fields.Bytes());
        return lease => AnswerFrames.Adopted(id, adopt(lease));
    }

    private static HsmOperation<FrameBuffer> Evaluate(ulong id, ref FrameReader fields)
    {
        var evaluate = HsmOperations.Evaluate(fields.Bytes(), fields.Bytes(), Point(ref fields));
        return lease =>
        {
            var evaluation = evaluate(lease);
            try
            {
                return AnswerFrames.Evaluated(id, evaluation);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(evaluation.Evaluated);
                CryptographicOperations.ZeroMemory(evaluation.MaskedShare);
            }
        };
    }

    private static HsmOperation<FrameBuffer> Seal(ulong id, ref FrameReader fields)
    {
        var plaintext = fields.Bytes();
        if (plaintext.Length > SealedBlob.MaxPlaintext)
        {
            throw new MalformedFrameException("More to seal than one blob holds.");
        }
        var seal = HsmOperations.Seal(plaintext, fields.Bytes());
        return lease => AnswerFrames.Bytes(id, seal(lease));
    }

    private static HsmOperation<FrameBuffer> Unseal(ulong id, ref FrameReader fields)
    {
        var open = HsmOperations.Open(fields.Bytes(), fields.Bytes());
        return lease => Secret(id, open(lease));
    }

    private static HsmOperation<FrameBuffer> Sign(ulong id, ref FrameReader fields)
    {
        var sign = HsmOperations.Sign(fields.Bytes());
        return lease => AnswerFrames.Signed(id, sign(lease));
    }

    private static HsmOperation<FrameBuffer> Random(ulong id, ref FrameReader fields)
    {
        var length = fields.U32();
        if (length > IsolatedHsm.RandomPiece)
        {
            throw new MalformedFrameException("More random bytes than one request may ask for.");
        }
        return lease =>
        {
            var bytes = GC.AllocateUninitializedArray<byte>((int)length, pinned: true);
            HsmOperations.Random(bytes)(lease);
            return Secret(id, bytes);
        };
    }

    private static HsmOperation<FrameBuffer> Probe(ulong id)
    {
        var probe = HsmOperations.Probe();
        return lease =>
        {
            probe(lease);
            return AnswerFrames.Nothing(id);
        };
    }

    private static HsmOperation<FrameBuffer> Reseal(ulong id, ref FrameReader fields)
    {
        var reseal = HsmOperations.Reseal(fields.Bytes(), fields.Bytes());
        return lease => AnswerFrames.Bytes(id, reseal(lease));
    }

    private static HsmOperation<FrameBuffer> Keys(ulong id, ref FrameReader fields)
    {
        var refresh = HsmOperations.RefreshKeys(TokenKeysField.ReadOptional(ref fields));
        return lease => AnswerFrames.Keys(id, refresh(lease));
    }

    private static ReadOnlyMemory<byte> Point(ref FrameReader fields)
    {
        var point = fields.Bytes(OperationRules.PointLength);
        return OperationRules.IsPoint(point) ? point : throw new MalformedFrameException("A point that is not 04 || X || Y.");
    }

    private static FrameBuffer Secret(ulong id, byte[] secret)
    {
        try
        {
            return AnswerFrames.Bytes(id, secret);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}
