using Custodian.Pkcs11.Isolation.Host;
using Custodian.Pkcs11.Tests.Faults;
using Custodian.Pkcs11.Tests.Isolation;

namespace Custodian.Pkcs11.Tests;

/// <summary>This assembly as a program: the HSM's process for its own tests, sound or with a fault, its own or its module's.</summary>
internal static class Program
{
    internal static int Main(string[] arguments) => arguments switch
    {
        ["hsm-host"] => HsmHost.Run(),
        ["faulty-host", var fault, var marker] => FaultyHost.Run(Enum.Parse<HostFaultKind>(fault), marker),
        ["ordered-host", var orders, var marker] => OrderedHost.Run(orders, marker),
        _ => 64,
    };
}
