namespace Custodian.Pkcs11.Binding;

internal sealed unsafe partial class Pkcs11Session
{
    public const int GcmIvLength = 12;
    public const int GcmTagLength = 16;
    public const int SignatureLength = 64;

    /// <summary>
    /// AES-256-GCM, tag last. The IV goes in and out: some HSMs make their own and write it there, so what counts is what stands in it
    /// afterwards. The AAD must not be empty, which crashes some modules.
    /// </summary>
    public void Encrypt(nuint key, Span<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext, Span<byte> output)
    {
        fixed (byte* ivPointer = iv, aadPointer = aad, input = plaintext, result = output)
        {
            var parameters = Gcm(ivPointer, iv.Length, aadPointer, aad.Length);
            var mechanism = Mechanism(Ckm.AesGcm, &parameters, (nuint)sizeof(CkGcmParams));
            Check(functions.EncryptInit(handle, &mechanism, key), "C_EncryptInit");

            // A span of no bytes has no address, and modules refuse a null pointer even for no bytes.
            var length = (nuint)output.Length;
            var source = input is null ? result : input;
            Check(functions.Encrypt(handle, source, (nuint)plaintext.Length, result, &length), "C_Encrypt");
            Expect((int)length == plaintext.Length + GcmTagLength, "C_Encrypt");
        }
    }

    /// <summary>
    /// Opens what <see cref="Encrypt"/> made. The output is as long as the ciphertext with its tag: SoftHSM wants that much room.
    /// </summary>
    public void Decrypt(nuint key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> ciphertext, Span<byte> output)
    {
        fixed (byte* ivPointer = iv, aadPointer = aad, input = ciphertext, result = output)
        {
            var parameters = Gcm(ivPointer, iv.Length, aadPointer, aad.Length);
            var mechanism = Mechanism(Ckm.AesGcm, &parameters, (nuint)sizeof(CkGcmParams));
            Check(functions.DecryptInit(handle, &mechanism, key), "C_DecryptInit");
            var length = (nuint)output.Length;
            CheckBlob(functions.Decrypt(handle, input, (nuint)ciphertext.Length, result, &length), "C_Decrypt");
            Expect((int)length == ciphertext.Length - GcmTagLength, "C_Decrypt");
        }
    }

    /// <summary>ECDSA over a 32-byte digest, r || s.</summary>
    public void SignDigest(nuint key, ReadOnlySpan<byte> digest, Span<byte> signature)
    {
        fixed (byte* input = digest, result = signature)
        {
            var mechanism = Mechanism(Ckm.Ecdsa, null, 0);
            Check(functions.SignInit(handle, &mechanism, key), "C_SignInit");
            var length = (nuint)signature.Length;
            Check(functions.Sign(handle, input, (nuint)digest.Length, result, &length), "C_Sign");
            Expect((int)length == SignatureLength, "C_Sign");
        }
    }

    // SoftHSM takes an empty IV and a tag of no bits without a word, so the lengths are checked here.
    private static CkGcmParams Gcm(byte* iv, int ivLength, byte* aad, int aadLength)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(ivLength, GcmIvLength);
        ArgumentOutOfRangeException.ThrowIfZero(aadLength);
        return new CkGcmParams
        {
            Iv = iv,
            IvLength = GcmIvLength,
            IvBits = 8 * GcmIvLength,
            Aad = aad,
            AadLength = (nuint)aadLength,
            TagBits = 8 * GcmTagLength,
        };
    }

    private static CkMechanism Mechanism(nuint mechanism, void* parameters, nuint length) =>
        new() { Mechanism = mechanism, Parameter = parameters, ParameterLength = length };

    private static void Expect(bool condition, string function)
    {
        if (!condition)
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, function, $"{function} returned a result of the wrong length.");
        }
    }
}
