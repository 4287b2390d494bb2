using System.Globalization;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>Memory that a process has, as the kernel counts it.</summary>
internal static class ResidentMemory
{
    /// <summary>In bytes; 0 when the process is gone.</summary>
    internal static long Of(int processId)
    {
        try
        {
            var pages = long.Parse(File.ReadAllText($"/proc/{processId}/statm").Split(' ')[1], CultureInfo.InvariantCulture);
            return pages * Environment.SystemPageSize;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
