namespace Custodian.Pkcs11.Binding;

internal sealed unsafe partial class Pkcs11Session
{
    /// <summary>P-256's object identifier in DER.</summary>
    public static ReadOnlySpan<byte> P256 => [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

    public const string UnwrapFunction = "C_UnwrapKey";
    public const int PointLength = 65;
    public const int CoordinateLength = 32;
    public const int MaxWrappedKeyLength = 1024;

    // SENSITIVE=0 and EXTRACTABLE=1 are both needed to read the value of what was derived.
    private static readonly AttributeTemplate DerivedSecret = new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.GenericSecret)
        .Add(Cka.Token, false)
        .Add(Cka.Private, true)
        .Add(Cka.Sensitive, false)
        .Add(Cka.Extractable, true)
        .Add(Cka.ValueLength, CoordinateLength);

    public nuint GenerateAesKey(AttributeTemplate template)
    {
        nuint key;
        var mechanism = Mechanism(Ckm.AesKeyGen, null, 0);
        var rv = functions.GenerateKey(handle, &mechanism, template.Pointer, template.Count, &key);
        GC.KeepAlive(template);
        Check(rv, "C_GenerateKey");
        return key;
    }

    public KeyPair GenerateKeyPair(AttributeTemplate publicKey, AttributeTemplate privateKey)
    {
        nuint publicHandle, privateHandle;
        var mechanism = Mechanism(Ckm.EcKeyPairGen, null, 0);
        var rv = functions.GenerateKeyPair(
            handle,
            &mechanism,
            publicKey.Pointer,
            publicKey.Count,
            privateKey.Pointer,
            privateKey.Count,
            &publicHandle,
            &privateHandle);
        GC.KeepAlive(publicKey);
        GC.KeepAlive(privateKey);
        Check(rv, "C_GenerateKeyPair");
        return new KeyPair(publicHandle, privateHandle);
    }

    /// <summary>Wraps a key. One call with room to spare: NSS answers a length query wrongly.</summary>
    /// <returns>How many bytes were written.</returns>
    public int Wrap(nuint mechanismType, nuint wrappingKey, nuint key, Span<byte> destination)
    {
        fixed (byte* result = destination)
        {
            var mechanism = Mechanism(mechanismType, null, 0);
            var length = (nuint)destination.Length;
            Check(functions.WrapKey(handle, &mechanism, wrappingKey, key, result, &length), "C_WrapKey");
            return (int)length;
        }
    }

    public nuint Unwrap(nuint mechanismType, nuint wrappingKey, ReadOnlySpan<byte> wrapped, AttributeTemplate template)
    {
        nuint key;
        fixed (byte* input = wrapped)
        {
            var mechanism = Mechanism(mechanismType, null, 0);
            var rv = functions.UnwrapKey(
                handle, &mechanism, wrappingKey, input, (nuint)wrapped.Length, template.Pointer, template.Count, &key);
            GC.KeepAlive(template);
            CheckBlob(rv, UnwrapFunction);
        }
        return key;
    }

    /// <summary>
    /// x(key * point): ECDH without a key derivation function, the derived object read and destroyed. The point goes as raw 65 bytes,
    /// already checked to be on the curve, so that no answer of the module depends on a user's bad point.
    /// </summary>
    public void DeriveX(nuint privateKey, ReadOnlySpan<byte> point, Span<byte> x)
    {
        var secret = Derive(privateKey, point);
        try
        {
            Expect(Read(secret, Cka.Value, x) == CoordinateLength, "C_DeriveKey");
        }
        finally
        {
            Discard(secret);
        }
    }

    /// <summary>A public key's point, 65 bytes; it comes as a DER octet string, or bare from modules that forget.</summary>
    public void ReadPoint(nuint publicKey, Span<byte> point) => Expect(TryReadPoint(publicKey, point), "CKA_EC_POINT");

    /// <summary>The same of a key that may be anything; false where it has no such point.</summary>
    public bool TryReadPoint(nuint publicKey, Span<byte> point)
    {
        Span<byte> value = stackalloc byte[128];
        var length = Read(publicKey, Cka.EcPoint, value);
        var isDer = length == PointLength + 2 && value[0] == 0x04 && value[1] == PointLength;
        var bare = isDer ? value[2..length] : length == PointLength ? value[..length] : default;
        bare.CopyTo(point);
        return bare.Length == PointLength && bare[0] == 0x04;
    }

    private nuint Derive(nuint privateKey, ReadOnlySpan<byte> point)
    {
        nuint secret;
        fixed (byte* pointer = point)
        {
            var parameters = new CkEcdh1DeriveParams
            {
                Kdf = Ck.KdfNull,
                PublicDataLength = (nuint)point.Length,
                PublicData = pointer,
            };
            var mechanism = Mechanism(Ckm.Ecdh1Derive, &parameters, (nuint)sizeof(CkEcdh1DeriveParams));
            var rv = functions.DeriveKey(handle, &mechanism, privateKey, DerivedSecret.Pointer, DerivedSecret.Count, &secret);
            Check(rv, "C_DeriveKey");
        }
        return secret;
    }
}

/// <summary>Handles of a key pair.</summary>
internal readonly record struct KeyPair(nuint Public, nuint Private);
