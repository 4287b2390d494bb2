using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>
/// A function for each place in the list, to be put where the module's own was. All take eight words, as many as the longest of them:
/// what a shorter one was not given is passed on unread, which the calling conventions of Linux allow.
/// </summary>
internal static unsafe class ModuleStubs
{
    private static readonly nint[] Originals = new nint[FunctionTable.Entries];

    /// <summary>Who is asked about every call.</summary>
    internal static InterceptedModule? Judge { get; set; }

    /// <summary>Puts them in place, but for C_Initialize and C_Finalize, which are over and not yet due.</summary>
    internal static void Put(FunctionTable functions)
    {
        Put(functions, Function.GetSlotList, &GetSlotList);
        Put(functions, Function.GetTokenInfo, &GetTokenInfo);
        Put(functions, Function.GetMechanismList, &GetMechanismList);
        Put(functions, Function.InitToken, &InitToken);
        Put(functions, Function.InitPin, &InitPin);
        Put(functions, Function.OpenSession, &OpenSession);
        Put(functions, Function.CloseSession, &CloseSession);
        Put(functions, Function.GetSessionInfo, &GetSessionInfo);
        Put(functions, Function.Login, &Login);
        Put(functions, Function.Logout, &Logout);
        Put(functions, Function.CreateObject, &CreateObject);
        Put(functions, Function.CopyObject, &CopyObject);
        Put(functions, Function.DestroyObject, &DestroyObject);
        Put(functions, Function.GetAttributeValue, &GetAttributeValue);
        Put(functions, Function.SetAttributeValue, &SetAttributeValue);
        Put(functions, Function.FindObjectsInit, &FindObjectsInit);
        Put(functions, Function.FindObjects, &FindObjects);
        Put(functions, Function.FindObjectsFinal, &FindObjectsFinal);
        Put(functions, Function.EncryptInit, &EncryptInit);
        Put(functions, Function.Encrypt, &Encrypt);
        Put(functions, Function.DecryptInit, &DecryptInit);
        Put(functions, Function.Decrypt, &Decrypt);
        Put(functions, Function.SignInit, &SignInit);
        Put(functions, Function.Sign, &Sign);
        Put(functions, Function.GenerateKey, &GenerateKey);
        Put(functions, Function.GenerateKeyPair, &GenerateKeyPair);
        Put(functions, Function.WrapKey, &WrapKey);
        Put(functions, Function.UnwrapKey, &UnwrapKey);
        Put(functions, Function.DeriveKey, &DeriveKey);
        Put(functions, Function.GenerateRandom, &GenerateRandom);
    }

    /// <summary>Puts the module's own back.</summary>
    internal static void Remove(FunctionTable functions)
    {
        for (var i = 0; i < Originals.Length; i++)
        {
            if (Originals[i] != 0)
            {
                functions[(Function)i] = Originals[i];
                Originals[i] = 0;
            }
        }
    }

    private static void Put(
        FunctionTable functions,
        Function function,
        delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint, nuint, nuint, nuint> stub)
    {
        Originals[(int)function] = functions[function];
        functions[function] = (nint)stub;
    }

    private static nuint Pass(Function function, nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h)
    {
        var fault = Judge!.Before(function, a);
        if (fault == ModuleFault.Silence)
        {
            using var never = new ManualResetEvent(false);
            never.WaitOne();
        }
        if (fault is { IsAfterwards: false })
        {
            return fault.Value.ReturnValue;
        }
        Judge.Rewrite?.Invoke(function, b);
        var original = (delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint, nuint, nuint, nuint>)Originals[(int)function];
        var answer = original(a, b, c, d, e, f, g, h);
        Judge.After(function, answer, b, c);
        return fault?.ReturnValue ?? answer;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GetSlotList(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.GetSlotList, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GetTokenInfo(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.GetTokenInfo, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GetMechanismList(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.GetMechanismList, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint InitToken(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.InitToken, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint InitPin(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.InitPin, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint OpenSession(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.OpenSession, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint CloseSession(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.CloseSession, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GetSessionInfo(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.GetSessionInfo, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Login(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.Login, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Logout(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.Logout, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint CreateObject(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.CreateObject, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint CopyObject(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.CopyObject, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint DestroyObject(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.DestroyObject, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GetAttributeValue(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.GetAttributeValue, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint SetAttributeValue(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.SetAttributeValue, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint FindObjectsInit(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.FindObjectsInit, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint FindObjects(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.FindObjects, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint FindObjectsFinal(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.FindObjectsFinal, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint EncryptInit(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.EncryptInit, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Encrypt(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.Encrypt, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint DecryptInit(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.DecryptInit, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Decrypt(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.Decrypt, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint SignInit(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.SignInit, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Sign(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.Sign, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GenerateKey(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.GenerateKey, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GenerateKeyPair(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.GenerateKeyPair, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint WrapKey(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.WrapKey, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint UnwrapKey(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.UnwrapKey, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint DeriveKey(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.DeriveKey, a, b, c, d, e, f, g, h);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint GenerateRandom(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f, nuint g, nuint h) =>
        Pass(Function.GenerateRandom, a, b, c, d, e, f, g, h);
}
