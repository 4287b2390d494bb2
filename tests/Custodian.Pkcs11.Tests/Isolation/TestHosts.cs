using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>The HSM's process for tests: this assembly, started as a program.</summary>
internal static class TestHosts
{
    internal static HostProgram Sound(SoftHsmToken token) => Host(token, "hsm-host");

    internal static HostProgram Faulty(SoftHsmToken token, HostFaultKind fault) =>
        Host(token, "faulty-host", fault.ToString(), FaultyMarkerOf(token));

    /// <summary>How many frames a <see cref="HostFaultKind.Counted"/> host has written.</summary>
    internal static int FramesOf(SoftHsmToken token) =>
        int.Parse(File.ReadAllText(FaultyMarkerOf(token) + FaultyHost.Count), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A host whose module fails as the test orders; those started after it are sound.</summary>
    internal static HostProgram Ordered(SoftHsmToken token) =>
        Host(token, "ordered-host", OrdersOf(token), Path.Combine(token.SoftHsm.Tokens, "..", "ordered-host-ran"));

    /// <summary>Where that host finds its next order.</summary>
    internal static string OrdersOf(SoftHsmToken token) => Path.GetFullPath(Path.Combine(token.SoftHsm.Tokens, "..", "order"));

    private static string FaultyMarkerOf(SoftHsmToken token) => Path.Combine(token.SoftHsm.Tokens, "..", "faulty-host-ran");

    /// <summary>The module's configuration is in the native environment only, which a child gets no copy of.</summary>
    private static HostProgram Host(SoftHsmToken token, params string[] arguments) =>
        new(Path.ChangeExtension(typeof(TestHosts).Assembly.Location, null), arguments)
        {
            Environment = new Dictionary<string, string?> { ["SOFTHSM2_CONF"] = token.SoftHsm.Configuration },
        };
}
