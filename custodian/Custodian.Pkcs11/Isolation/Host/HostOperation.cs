using System.Security.Cryptography;
using Custodian.Pkcs11.Isolation.Frames;

namespace Custodian.Pkcs11.Isolation.Host;

/// <summary>A request that was read, ready to run: the operation, and the frame that answers it.</summary>
/// <param name="hsm">What runs it.</param>
/// <param name="admission">A place for it.</param>
internal delegate Task<FrameBuffer> HostOperationRun(IHsm hsm, HsmAdmission admission);

/// <summary>Turns requests into operations.</summary>
internal static class HostOperation
{
    /// <summary>Reads a request. Its payload must stay as it is until the operation has run.</summary>
    /// <exception cref="MalformedFrameException">It is no request of an operation.</exception>
    public static HostOperationRun Parse(FrameKind kind, ulong id, ReadOnlyMemory<byte> payload)
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

    private static HostOperationRun Prepare(ulong id, ref FrameReader fields)
    {
        var (point, expires, aad) = (fields.Bytes(OperationRules.PointLength), fields.I64(), fields.Bytes());
        return async (hsm, admission) =>
        {
            var prepared = await hsm.PrepareAsync(admission, point, expires, aad).ConfigureAwait(false);
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

    private static HostOperationRun Adopt(ulong id, ref FrameReader fields)
    {
        var (sealedKey, now, prepareAad) = (fields.Bytes(), fields.I64(), fields.Bytes());
        var (maskedShare, recordAad) = (fields.Bytes(OperationRules.MaskedShareLength), fields.Bytes());
        return async (hsm, admission) => AnswerFrames.Adopted(
            id, await hsm.AdoptAsync(admission, sealedKey, now, prepareAad, maskedShare, recordAad).ConfigureAwait(false));
    }

    private static HostOperationRun Evaluate(ulong id, ref FrameReader fields)
    {
        var (sealedRecord, aad, point) = (fields.Bytes(), fields.Bytes(), fields.Bytes(OperationRules.PointLength));
        return async (hsm, admission) =>
        {
            var evaluation = await hsm.EvaluateAsync(admission, sealedRecord, aad, point).ConfigureAwait(false);
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

    private static HostOperationRun Seal(ulong id, ref FrameReader fields)
    {
        var (plaintext, aad) = (fields.Bytes(), fields.Bytes());
        return async (hsm, _) => AnswerFrames.Bytes(id, await hsm.SealAsync(plaintext, aad).ConfigureAwait(false));
    }

    private static HostOperationRun Unseal(ulong id, ref FrameReader fields)
    {
        var (sealedBlob, aad) = (fields.Bytes(), fields.Bytes());
        return async (hsm, _) => Secret(id, await hsm.OpenAsync(sealedBlob, aad).ConfigureAwait(false));
    }

    private static HostOperationRun Sign(ulong id, ref FrameReader fields)
    {
        var message = fields.Bytes();
        return async (hsm, _) => AnswerFrames.Signed(id, await hsm.SignAsync(message).ConfigureAwait(false));
    }

    private static HostOperationRun Random(ulong id, ref FrameReader fields)
    {
        var length = fields.U32();
        if (length > IsolatedHsm.RandomPiece)
        {
            throw new MalformedFrameException("More random bytes than one request may ask for.");
        }
        return async (hsm, _) =>
        {
            var bytes = GC.AllocateUninitializedArray<byte>((int)length, pinned: true);
            await hsm.RandomAsync(bytes).ConfigureAwait(false);
            return Secret(id, bytes);
        };
    }

    private static HostOperationRun Probe(ulong id) => async (hsm, _) =>
    {
        await hsm.ProbeAsync(CancellationToken.None).ConfigureAwait(false);
        return AnswerFrames.Nothing(id);
    };

    private static HostOperationRun Reseal(ulong id, ref FrameReader fields)
    {
        var (sealedBlob, aad) = (fields.Bytes(), fields.Bytes());
        return async (hsm, admission) => AnswerFrames.Bytes(id, await hsm.ResealAsync(admission, sealedBlob, aad).ConfigureAwait(false));
    }

    private static HostOperationRun Keys(ulong id, ref FrameReader fields)
    {
        var authorised = TokenKeysField.ReadOptional(ref fields);
        return async (hsm, _) => AnswerFrames.Keys(id, await hsm.RefreshKeysAsync(authorised).ConfigureAwait(false));
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
