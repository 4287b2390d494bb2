using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Isolation.Host;
using Custodian.Pkcs11.Tests.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Faults;

/// <summary>The real host over the real module, which fails or falls silent as a file orders it to.</summary>
internal static class OrderedHost
{
    internal static int Run(string orders, string marker) => FirstHost.Run(marker, (input, output) =>
    {
        using var module = new InterceptedModule();
        module.FailEvery(new Orders(orders).Answer);
        return new HostLoop(input, output, Console.Error).Run();
    });

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
