using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>
/// Stands between the binding and a loaded module: sees calls, and may answer in the module's place with what the soft modules never
/// say by themselves. For the life of this object; open it before the HSM that it should see.
/// </summary>
internal sealed unsafe class InterceptedModule : IDisposable
{
    private static readonly nint[] Originals = new nint[FunctionTable.Entries];
    private static Func<Function, nuint, nuint?>? intercept;

    private readonly Pkcs11Module module = Pkcs11Module.Acquire(SoftHsmDirectory.ModulePath);
    private readonly Dictionary<Function, int> calls = [];
    private readonly Dictionary<Function, Queue<nuint>> answers = [];

    public InterceptedModule()
    {
        intercept = Answer;
        Put(Function.OpenSession, (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint>)&OpenSession);
        Put(Function.Login, (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint>)&Login);
        Put(Function.DestroyObject, (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, nuint>)&DestroyObject);
        Put(Function.CopyObject, (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint>)&CopyObject);
        Put(Function.FindObjects, (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint>)&FindObjects);
        Put(Function.Decrypt, (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint>)&Decrypt);
        Put(
            Function.UnwrapKey,
            (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint, nuint, nuint, nuint>)&UnwrapKey);
    }

    /// <summary>What happens in a call before the module sees it: the function and its session.</summary>
    public Action<Function, nuint>? Observe { get; set; }

    public int Calls(Function function)
    {
        lock (calls)
        {
            return calls.GetValueOrDefault(function);
        }
    }

    /// <summary>The next calls of a function get these answers, and do not reach the module.</summary>
    public void Fail(Function function, params nuint[] returnValues)
    {
        lock (calls)
        {
            answers[function] = new Queue<nuint>(returnValues);
        }
    }

    public void Dispose()
    {
        for (var i = 0; i < Originals.Length; i++)
        {
            if (Originals[i] != 0)
            {
                module.Functions[(Function)i] = Originals[i];
                Originals[i] = 0;
            }
        }
        intercept = null;
        module.Dispose();
    }

    private void Put(Function function, nint replacement)
    {
        Originals[(int)function] = module.Functions[function];
        module.Functions[function] = replacement;
    }

    private nuint? Answer(Function function, nuint session)
    {
        Observe?.Invoke(function, session);
        lock (calls)
        {
            calls[function] = calls.GetValueOrDefault(function) + 1;
            return answers.TryGetValue(function, out var queue) && queue.TryDequeue(out var answer) ? answer : null;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint OpenSession(nuint slot, nuint flags, nuint application, nuint notify, nuint session) =>
        intercept!(Function.OpenSession, 0)
        ?? ((delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint>)Originals[(int)Function.OpenSession])(
            slot, flags, application, notify, session);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Login(nuint session, nuint user, nuint pin, nuint length) =>
        intercept!(Function.Login, session)
        ?? ((delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint>)Originals[(int)Function.Login])(session, user, pin, length);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint DestroyObject(nuint session, nuint target) =>
        intercept!(Function.DestroyObject, session)
        ?? ((delegate* unmanaged[Cdecl]<nuint, nuint, nuint>)Originals[(int)Function.DestroyObject])(session, target);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint CopyObject(nuint session, nuint source, nuint template, nuint count, nuint copy) =>
        intercept!(Function.CopyObject, session)
        ?? ((delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint>)Originals[(int)Function.CopyObject])(
            session, source, template, count, copy);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint FindObjects(nuint session, nuint found, nuint room, nuint count) =>
        intercept!(Function.FindObjects, session)
        ?? ((delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint>)Originals[(int)Function.FindObjects])(
            session, found, room, count);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Decrypt(nuint session, nuint input, nuint inputLength, nuint output, nuint outputLength) =>
        intercept!(Function.Decrypt, session)
        ?? ((delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint>)Originals[(int)Function.Decrypt])(
            session, input, inputLength, output, outputLength);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint UnwrapKey(
        nuint session, nuint mechanism, nuint key, nuint wrapped, nuint length, nuint template, nuint count, nuint unwrapped) =>
        intercept!(Function.UnwrapKey, session)
        ?? ((delegate* unmanaged[Cdecl]<nuint, nuint, nuint, nuint, nuint, nuint, nuint, nuint, nuint>)Originals[(int)Function.UnwrapKey])(
            session, mechanism, key, wrapped, length, template, count, unwrapped);
}
