using Custodian.Pkcs11.Isolation.Host;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>
/// A host that is not as it should be. Only the first process of a test is such a one: those that find its marker are sound, so that what
/// comes after a fault can be seen.
/// </summary>
internal static class FirstHost
{
    /// <param name="marker">A file that only the first process does not find.</param>
    /// <param name="serve">What that one does in the place of a sound one, hardened like it and with its pipes.</param>
    /// <returns>The process's exit status.</returns>
    internal static int Run(string marker, Func<Stream, Stream, int> serve)
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
        var status = serve(input, output);
        GC.KeepAlive(signals);
        return status;
    }
}
