namespace Custodian.Pkcs11.Isolation.Host;

/// <summary>
/// A process that holds the PKCS#11 module for a node, so that the node survives what native code does. An <see cref="IsolatedHsm"/>
/// starts it and speaks to it over its standard input and output; it ends when its input does.
/// </summary>
public static class HsmHost
{
    /// <summary>What <c>custodian</c> is started with to be one.</summary>
    public const string Command = "hsm-host";

    /// <summary>Serves until standard input ends.</summary>
    /// <returns>The process's exit status.</returns>
    public static int Run()
    {
        if (!Console.IsInputRedirected || !Console.IsOutputRedirected)
        {
            Console.Error.WriteLine("custodian: hsm-host is started by the node itself; run 'custodian serve'");
            return HostLoop.BadInput;
        }
        var signals = HostProcess.Harden();
        BatchScheduling.Choose();
        var (input, output) = HostProcess.TakePipes();
        var status = new HostLoop(input, output, Console.Error).Run();
        if (status == HostLoop.Hung)
        {
            HostProcess.ExitAtOnce(status);
        }
        GC.KeepAlive(signals);
        return status;
    }
}
