using System.Runtime.InteropServices;

namespace Custodian.Pkcs11.Binding;

// PKCS#11 v2.40 structures as Linux lays them out: CK_ULONG is unsigned long, 8 bytes, natural packing.

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CkMechanism
{
    public nuint Mechanism;
    public void* Parameter;
    public nuint ParameterLength;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CkAttribute
{
    public nuint Type;
    public void* Value;
    public nuint ValueLength;
}

/// <summary>The 56-byte form: NSS reads its parameters where the standard has pReserved, everyone else wants null there.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CkInitializeArgs
{
    public void* CreateMutex;
    public void* DestroyMutex;
    public void* LockMutex;
    public void* UnlockMutex;
    public nuint Flags;
    public byte* LibraryParameters;
    public void* Reserved;
}

/// <summary>The 48-byte form of the headers, with ulIvBits: SoftHSM refuses the 40-byte form of the 2.40 document.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CkGcmParams
{
    public byte* Iv;
    public nuint IvLength;
    public nuint IvBits;
    public byte* Aad;
    public nuint AadLength;
    public nuint TagBits;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CkEcdh1DeriveParams
{
    public nuint Kdf;
    public nuint SharedDataLength;
    public byte* SharedData;
    public nuint PublicDataLength;
    public byte* PublicData;
}

[StructLayout(LayoutKind.Sequential, Size = 208)]
internal unsafe struct CkTokenInfo
{
    public fixed byte Label[32];
    public fixed byte ManufacturerId[32];
    public fixed byte Model[16];
    public fixed byte SerialNumber[16];
    public nuint Flags;
    public nuint MaxSessionCount;
}

[StructLayout(LayoutKind.Sequential)]
internal struct CkSessionInfo
{
    public nuint SlotId;
    public nuint State;
    public nuint Flags;
    public nuint DeviceError;
}
