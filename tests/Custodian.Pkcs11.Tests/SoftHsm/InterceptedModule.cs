using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>What a call answers in the module's place.</summary>
/// <param name="ReturnValue">The CK_RV.</param>
/// <param name="IsAfterwards">Whether the module does its work before that.</param>
internal readonly record struct ModuleFault(nuint ReturnValue, bool IsAfterwards = false)
{
    /// <summary>The call never returns.</summary>
    internal static ModuleFault Silence { get; } = new(nuint.MaxValue);
}

/// <summary>
/// Stands between the binding and a loaded module: sees calls, and may answer in the module's place with what the soft modules never
/// say by themselves. For the life of this object; open it before the HSM that it should see.
/// </summary>
internal sealed class InterceptedModule : IDisposable
{
    private readonly Lock gate = new();
    private readonly Pkcs11Module module;
    private readonly Dictionary<Function, int> calls = [];
    private readonly Dictionary<Function, Queue<nuint>> answers = [];
    private List<Function> trace = [];
    private Func<Function, ModuleFault?> everyCall = static _ => null;
    private ModuleFault planned;
    private int untilPlanned;
    private int openSessions;

    public InterceptedModule(string path = SoftHsmDirectory.ModulePath, string? parameters = null)
    {
        module = Pkcs11Module.Acquire(path, parameters);
        ModuleStubs.Judge = this;
        ModuleStubs.Put(module.Functions);
    }

    /// <summary>What happens in a call before the module sees it: the function and its session.</summary>
    public Action<Function, nuint>? Observe { get; set; }

    /// <summary>Changes what a call is given before the module sees it: the function, and its second argument.</summary>
    public Action<Function, nuint>? Rewrite { get; set; }

    /// <summary>Changes what a call that succeeded has written: the function, and its second and third argument.</summary>
    public Action<Function, nuint, nuint>? Amend { get; set; }

    /// <summary>For <see cref="Amend"/>: a flag more of the token.</summary>
    public static unsafe void AddFlag(Function function, nuint description, uint flag)
    {
        if (function == Function.GetTokenInfo)
        {
            ((CkTokenInfo*)description)->Flags |= flag;
        }
    }

    /// <summary>Sessions that were opened and not closed, since this object stands there.</summary>
    public int OpenSessions => Volatile.Read(ref openSessions);

    public int Calls(Function function)
    {
        lock (gate)
        {
            return calls.GetValueOrDefault(function);
        }
    }

    /// <summary>The next calls of a function get these answers, and do not reach the module.</summary>
    public void Fail(Function function, params nuint[] returnValues)
    {
        lock (gate)
        {
            answers[function] = new Queue<nuint>(returnValues);
        }
    }

    /// <summary>The so-many-th call from now on, of whatever function, has this fault.</summary>
    public void FailCall(int number, ModuleFault fault)
    {
        lock (gate)
        {
            (untilPlanned, planned) = (number, fault);
        }
    }

    /// <summary>Every call has the fault that this finds for its function, until another is set.</summary>
    public void FailEvery(Func<Function, ModuleFault?> fault)
    {
        lock (gate)
        {
            everyCall = fault;
        }
    }

    /// <summary>No fault any more.</summary>
    public void Heal()
    {
        lock (gate)
        {
            answers.Clear();
            (untilPlanned, everyCall) = (0, static _ => null);
        }
    }

    /// <summary>The functions called since this was asked before, in their order.</summary>
    public IReadOnlyList<Function> TakeTrace()
    {
        lock (gate)
        {
            var taken = trace;
            trace = [];
            return taken;
        }
    }

    public void Dispose()
    {
        ModuleStubs.Remove(module.Functions);
        ModuleStubs.Judge = null;
        module.Dispose();
    }

    /// <summary>Whether a call has a fault.</summary>
    internal ModuleFault? Before(Function function, nuint session)
    {
        Observe?.Invoke(function, session);
        lock (gate)
        {
            trace.Add(function);
            calls[function] = calls.GetValueOrDefault(function) + 1;
            if (untilPlanned > 0 && --untilPlanned == 0)
            {
                return planned;
            }
            return answers.TryGetValue(function, out var queue) && queue.TryDequeue(out var answer)
                ? new ModuleFault(answer)
                : everyCall(function);
        }
    }

    /// <summary>Notes what the module itself answered.</summary>
    internal void After(Function function, nuint answer, nuint second, nuint third)
    {
        if (answer == ReturnValue.Ok)
        {
            Amend?.Invoke(function, second, third);
        }
        if (answer == ReturnValue.Ok && function is Function.OpenSession or Function.CloseSession)
        {
            Interlocked.Add(ref openSessions, function == Function.OpenSession ? 1 : -1);
        }
    }
}
