using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Isolation.Host;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Faults;

/// <summary>
/// The real host over the real module, which fails or falls silent as a file orders it to. Only the first process of a test takes
/// orders: those that find its marker are sound, so that what comes after a fault can be seen.
/// </summary>
internal static class OrderedHost
{
    internal static int Run(string orders, string marker)
    {
        try
        {
            using var first = new FileStream(marker, FileMode.CreateNew);
        }
        catch (IOException)
        {
            return HsmHost.Run();
        }
        var signals = HostProcess.Harden();
        var (input, output) = HostProcess.TakePipes();
        using var module = new InterceptedModule();
        module.FailEvery(new Orders(orders).Answer);
        var status = new HostLoop(input, output, Console.Error).Run();
        GC.KeepAlive(signals);
        return status;
    }

    /// <summary>Called by one thread at a time, for the module's lock is held.</summary>
    private sealed class Orders(string file)
    {
        private ModuleOrder? order;
        private int left;

        internal ModuleFault? Answer(Function called)
        {
            if (ModuleOrder.Take(file) is { } next)
            {
                (order, left) = (next, next.Times);
                if (next.LosesLogin)
                {
                    ModuleCalls.Logout(SoftHsmToken.Label);
                }
            }
            if (order is not { } current || left == 0 || !current.IsFor(called))
            {
                return null;
            }
            left--;
            return current.ReturnValue is { } answer ? new ModuleFault(answer) : ModuleFault.Silence;
        }
    }
}
