using System.Runtime.InteropServices;

namespace Custodian.Pkcs11.Binding;

/// <summary>
/// The module's functions, copied out of its CK_FUNCTION_LIST: a 2-byte version padded to 8, then 68 pointers that are the same in
/// 2.x and 3.x. A copy, so that a test can put its own function in an entry's place.
/// </summary>
internal sealed unsafe class FunctionTable
{
    public const int Entries = 68;

    private readonly nint[] entries = new nint[Entries];

    /// <exception cref="HsmException">The list is missing, or of a version below 2.</exception>
    public FunctionTable(nint getFunctionList)
    {
        byte* list = null;
        var rv = ((delegate* unmanaged[Cdecl]<byte**, nuint>)getFunctionList)(&list);
        if (rv != ReturnValue.Ok)
        {
            throw ReturnValue.Failure(rv, "C_GetFunctionList");
        }
        if (list is null || list[0] < 2)
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, "C_GetFunctionList", "The module offers no PKCS#11 function list of version 2 or 3.");
        }
        new ReadOnlySpan<nint>(list + 8, Entries).CopyTo(entries);
    }

    /// <summary>The entry of a function by its place in the list.</summary>
    public nint this[Function function]
    {
        get => Volatile.Read(ref entries[(int)function]);
        set => Volatile.Write(ref entries[(int)function], value);
    }

    public delegate* unmanaged[Cdecl]<CkInitializeArgs*, nuint> Initialize =>
        (delegate* unmanaged[Cdecl]<CkInitializeArgs*, nuint>)this[Function.Initialize];

    public delegate* unmanaged[Cdecl]<void*, nuint> Finalize =>
        (delegate* unmanaged[Cdecl]<void*, nuint>)this[Function.Finalize];

    public delegate* unmanaged[Cdecl]<byte, nuint*, nuint*, nuint> GetSlotList =>
        (delegate* unmanaged[Cdecl]<byte, nuint*, nuint*, nuint>)this[Function.GetSlotList];

    public delegate* unmanaged[Cdecl]<nuint, CkTokenInfo*, nuint> GetTokenInfo =>
        (delegate* unmanaged[Cdecl]<nuint, CkTokenInfo*, nuint>)this[Function.GetTokenInfo];

    public delegate* unmanaged[Cdecl]<nuint, nuint*, nuint*, nuint> GetMechanismList =>
        (delegate* unmanaged[Cdecl]<nuint, nuint*, nuint*, nuint>)this[Function.GetMechanismList];

    public delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint> InitToken =>
        (delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint>)this[Function.InitToken];

    public delegate* unmanaged[Cdecl]<nuint, byte*, nuint, nuint> InitPin =>
        (delegate* unmanaged[Cdecl]<nuint, byte*, nuint, nuint>)this[Function.InitPin];

    public delegate* unmanaged[Cdecl]<nuint, nuint, void*, void*, nuint*, nuint> OpenSession =>
        (delegate* unmanaged[Cdecl]<nuint, nuint, void*, void*, nuint*, nuint>)this[Function.OpenSession];

    public delegate* unmanaged[Cdecl]<nuint, nuint> CloseSession =>
        (delegate* unmanaged[Cdecl]<nuint, nuint>)this[Function.CloseSession];

    public delegate* unmanaged[Cdecl]<nuint, CkSessionInfo*, nuint> GetSessionInfo =>
        (delegate* unmanaged[Cdecl]<nuint, CkSessionInfo*, nuint>)this[Function.GetSessionInfo];

    public delegate* unmanaged[Cdecl]<nuint, nuint, byte*, nuint, nuint> Login =>
        (delegate* unmanaged[Cdecl]<nuint, nuint, byte*, nuint, nuint>)this[Function.Login];

    public delegate* unmanaged[Cdecl]<nuint, nuint> Logout =>
        (delegate* unmanaged[Cdecl]<nuint, nuint>)this[Function.Logout];

    public delegate* unmanaged[Cdecl]<nuint, CkAttribute*, nuint, nuint*, nuint> CreateObject =>
        (delegate* unmanaged[Cdecl]<nuint, CkAttribute*, nuint, nuint*, nuint>)this[Function.CreateObject];

    public delegate* unmanaged[Cdecl]<nuint, nuint, CkAttribute*, nuint, nuint*, nuint> CopyObject =>
        (delegate* unmanaged[Cdecl]<nuint, nuint, CkAttribute*, nuint, nuint*, nuint>)this[Function.CopyObject];

    public delegate* unmanaged[Cdecl]<nuint, nuint, nuint> DestroyObject =>
        (delegate* unmanaged[Cdecl]<nuint, nuint, nuint>)this[Function.DestroyObject];

    public delegate* unmanaged[Cdecl]<nuint, nuint, CkAttribute*, nuint, nuint> GetAttributeValue =>
        (delegate* unmanaged[Cdecl]<nuint, nuint, CkAttribute*, nuint, nuint>)this[Function.GetAttributeValue];

    public delegate* unmanaged[Cdecl]<nuint, nuint, CkAttribute*, nuint, nuint> SetAttributeValue =>
        (delegate* unmanaged[Cdecl]<nuint, nuint, CkAttribute*, nuint, nuint>)this[Function.SetAttributeValue];

    public delegate* unmanaged[Cdecl]<nuint, CkAttribute*, nuint, nuint> FindObjectsInit =>
        (delegate* unmanaged[Cdecl]<nuint, CkAttribute*, nuint, nuint>)this[Function.FindObjectsInit];

    public delegate* unmanaged[Cdecl]<nuint, nuint*, nuint, nuint*, nuint> FindObjects =>
        (delegate* unmanaged[Cdecl]<nuint, nuint*, nuint, nuint*, nuint>)this[Function.FindObjects];

    public delegate* unmanaged[Cdecl]<nuint, nuint> FindObjectsFinal =>
        (delegate* unmanaged[Cdecl]<nuint, nuint>)this[Function.FindObjectsFinal];

    public delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, nuint> EncryptInit =>
        (delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, nuint>)this[Function.EncryptInit];

    public delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint*, nuint> Encrypt =>
        (delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint*, nuint>)this[Function.Encrypt];

    public delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, nuint> DecryptInit =>
        (delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, nuint>)this[Function.DecryptInit];

    public delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint*, nuint> Decrypt =>
        (delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint*, nuint>)this[Function.Decrypt];

    public delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, nuint> SignInit =>
        (delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, nuint>)this[Function.SignInit];

    public delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint*, nuint> Sign =>
        (delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint*, nuint>)this[Function.Sign];

    public delegate* unmanaged[Cdecl]<nuint, CkMechanism*, CkAttribute*, nuint, nuint*, nuint> GenerateKey =>
        (delegate* unmanaged[Cdecl]<nuint, CkMechanism*, CkAttribute*, nuint, nuint*, nuint>)this[Function.GenerateKey];

    public delegate* unmanaged[Cdecl]<nuint, CkMechanism*, CkAttribute*, nuint, CkAttribute*, nuint, nuint*, nuint*, nuint> GenerateKeyPair =>
        (delegate* unmanaged[Cdecl]<nuint, CkMechanism*, CkAttribute*, nuint, CkAttribute*, nuint, nuint*, nuint*, nuint>)
            this[Function.GenerateKeyPair];

    public delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, nuint, byte*, nuint*, nuint> WrapKey =>
        (delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, nuint, byte*, nuint*, nuint>)this[Function.WrapKey];

    public delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, byte*, nuint, CkAttribute*, nuint, nuint*, nuint> UnwrapKey =>
        (delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, byte*, nuint, CkAttribute*, nuint, nuint*, nuint>)this[Function.UnwrapKey];

    public delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, CkAttribute*, nuint, nuint*, nuint> DeriveKey =>
        (delegate* unmanaged[Cdecl]<nuint, CkMechanism*, nuint, CkAttribute*, nuint, nuint*, nuint>)this[Function.DeriveKey];

    public delegate* unmanaged[Cdecl]<nuint, byte*, nuint, nuint> GenerateRandom =>
        (delegate* unmanaged[Cdecl]<nuint, byte*, nuint, nuint>)this[Function.GenerateRandom];
}

/// <summary>Places in CK_FUNCTION_LIST, of the functions used.</summary>
internal enum Function
{
    Initialize = 0,
    Finalize = 1,
    GetSlotList = 4,
    GetTokenInfo = 6,
    GetMechanismList = 7,
    InitToken = 9,
    InitPin = 10,
    OpenSession = 12,
    CloseSession = 13,
    GetSessionInfo = 15,
    Login = 18,
    Logout = 19,
    CreateObject = 20,
    CopyObject = 21,
    DestroyObject = 22,
    GetAttributeValue = 24,
    SetAttributeValue = 25,
    FindObjectsInit = 26,
    FindObjects = 27,
    FindObjectsFinal = 28,
    EncryptInit = 29,
    Encrypt = 30,
    DecryptInit = 33,
    Decrypt = 34,
    SignInit = 42,
    Sign = 43,
    GenerateKey = 58,
    GenerateKeyPair = 59,
    WrapKey = 60,
    UnwrapKey = 61,
    DeriveKey = 62,
    GenerateRandom = 64,
}
