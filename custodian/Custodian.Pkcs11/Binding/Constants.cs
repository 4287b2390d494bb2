namespace Custodian.Pkcs11.Binding;

// Values of PKCS#11 v2.40 (pkcs11t.h), only those used here.

internal static class Ckm
{
    public const nuint EcKeyPairGen = 0x1040;
    public const nuint Ecdsa = 0x1041;
    public const nuint Ecdh1Derive = 0x1050;
    public const nuint AesKeyGen = 0x1080;
    public const nuint AesGcm = 0x1087;
    public const nuint AesKeyWrapPad = 0x210A;
    public const nuint AesKeyWrapKwp = 0x210B;
}

internal static class Cko
{
    public const nuint PublicKey = 2;
    public const nuint PrivateKey = 3;
    public const nuint SecretKey = 4;
}

internal static class Ckk
{
    public const nuint Ec = 3;
    public const nuint GenericSecret = 0x10;
    public const nuint Aes = 0x1F;
}

internal static class Cka
{
    public const nuint Class = 0;
    public const nuint Token = 1;
    public const nuint Private = 2;
    public const nuint Label = 3;
    public const nuint Value = 0x11;
    public const nuint KeyType = 0x100;
    public const nuint Id = 0x102;
    public const nuint Sensitive = 0x103;
    public const nuint Encrypt = 0x104;
    public const nuint Decrypt = 0x105;
    public const nuint Wrap = 0x106;
    public const nuint Unwrap = 0x107;
    public const nuint Sign = 0x108;
    public const nuint Verify = 0x10A;
    public const nuint Derive = 0x10C;
    public const nuint ValueLength = 0x161;
    public const nuint Extractable = 0x162;
    public const nuint Local = 0x163;
    public const nuint NeverExtractable = 0x164;
    public const nuint AlwaysSensitive = 0x165;
    public const nuint Modifiable = 0x170;
    public const nuint Copyable = 0x171;
    public const nuint EcParams = 0x180;
    public const nuint AlwaysAuthenticate = 0x202;
    public const nuint EcPoint = 0x181;
    public const nuint UnwrapTemplate = 0x40000212;
    public const nuint AllowedMechanisms = 0x40000600;

    /// <summary>NSS wants it in the template of an unwrapped EC key, any bytes; no other module may see it.</summary>
    public const nuint NssDb = 0xD5A0DB00;
}

internal static class Ckf
{
    public const nuint OsLockingOk = 2;
    public const nuint RwSession = 2;
    public const nuint SerialSession = 4;
    public const nuint UserPinInitialized = 0x8;
    public const nuint TokenInitialized = 0x400;
    public const nuint UserPinCountLow = 0x10000;
    public const nuint UserPinFinalTry = 0x20000;
    public const nuint UserPinLocked = 0x40000;
    public const nuint UserPinToBeChanged = 0x80000;
}

internal static class Ck
{
    public const nuint UserSecurityOfficer = 0;
    public const nuint UserUser = 1;
    public const nuint KdfNull = 1;
    public const nuint StateReadOnlyUser = 1;
    public const nuint StateReadWriteUser = 3;
    public static readonly nuint UnavailableInformation = nuint.MaxValue;
}
