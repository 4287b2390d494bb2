using System.Runtime.InteropServices;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>Calls that the binding never makes: what happens to a node's sessions from elsewhere.</summary>
internal static unsafe class ModuleCalls
{
    /// <summary>Closes every session of the process at the token: what a network HSM does when its connection drops.</summary>
    public static void CloseAllSessions(string label)
    {
        using var module = Pkcs11Module.Acquire(SoftHsmDirectory.ModulePath);
        var library = NativeLibrary.Load(SoftHsmDirectory.ModulePath);
        var close = (delegate* unmanaged[Cdecl]<nuint, nuint>)NativeLibrary.GetExport(library, "C_CloseAllSessions");
        Assert.Equal(ReturnValue.Ok, close(module.FindSlot(label, serial: null).Id));
    }

    /// <summary>Logs the process out of the token.</summary>
    public static void Logout(string label)
    {
        using var module = Pkcs11Module.Acquire(SoftHsmDirectory.ModulePath);
        using var session = module.OpenSession(module.FindSlot(label, serial: null));
        session.Logout();
    }
}
