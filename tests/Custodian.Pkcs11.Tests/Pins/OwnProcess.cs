using System.Runtime.InteropServices;

namespace Custodian.Pkcs11.Tests.Pins;

/// <summary>This process, as the kernel treats it.</summary>
internal static partial class OwnProcess
{
    private const int GetDumpable = 3;
    private const int SetDumpable = 4;

    /// <summary>Whether its user may have it dumped and traced.</summary>
    internal static bool MayBeDumped
    {
        get => Control(GetDumpable, 0, 0, 0, 0) != 0;
        set => Assert.Equal(0, Control(SetDumpable, value ? 1U : 0U, 0, 0, 0));
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint second, nuint third, nuint fourth, nuint fifth);
}
