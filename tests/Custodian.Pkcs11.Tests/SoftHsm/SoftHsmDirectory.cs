using System.Runtime.InteropServices;

namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>A SoftHSM of its own in a temporary directory: configuration, tokens, and nothing left behind.</summary>
public sealed partial class SoftHsmDirectory : IDisposable
{
    public const string ModulePath = "/usr/lib/softhsm/libsofthsm2.so";

    private readonly string root = Directory.CreateTempSubdirectory("custodian-pkcs11-").FullName;

    public SoftHsmDirectory()
    {
        Directory.CreateDirectory(Tokens);
        File.WriteAllText(
            Configuration,
            $"""
            directories.tokendir = {Tokens}
            objectstore.backend = file
            log.level = ERROR
            slots.removable = false
            slots.mechanisms = ALL
            library.reset_on_fork = false

            """);
        UseInThisProcess();
    }

    public string Tokens => Path.Combine(root, "tokens");

    public string Configuration => Path.Combine(root, "softhsm2.conf");

    /// <summary>
    /// Sets SOFTHSM2_CONF where a native library reads it: .NET keeps its own environment on Unix. Read at the module's next
    /// initialisation.
    /// </summary>
    public void UseInThisProcess() => Assert.Equal(0, SetNativeEnvironment("SOFTHSM2_CONF", Configuration, 1));

    public void Dispose() => Directory.Delete(root, recursive: true);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeEnvironment(string name, string value, int overwrite);
}
