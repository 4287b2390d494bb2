using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>The HSM's process for tests: this assembly, started as a program.</summary>
internal static class TestHosts
{
    internal static HostProgram Sound(SoftHsmToken token) => Host(token, "hsm-host");

    internal static HostProgram Faulty(SoftHsmToken token, HostFaultKind fault) =>
        Host(token, "faulty-host", fault.ToString(), Path.Combine(token.SoftHsm.Tokens, "..", "faulty-host-ran"));

    /// <summary>The module's configuration is in the native environment only, which a child gets no copy of.</summary>
    private static HostProgram Host(SoftHsmToken token, params string[] arguments) =>
        new(Path.ChangeExtension(typeof(TestHosts).Assembly.Location, null), arguments)
        {
            Environment = new Dictionary<string, string?> { ["SOFTHSM2_CONF"] = token.SoftHsm.Configuration },
        };
}
