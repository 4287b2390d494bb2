using System.Runtime.InteropServices;

namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>A SoftHSM of its own in a temporary directory: configuration, tokens, and nothing left behind.</summary>
public sealed partial class SoftHsmDirectory : IDisposable
{
    public const string ModulePath = "/usr/lib/softhsm/libsofthsm2.so";

    private static string? inUse;

    private readonly string? previous = inUse;
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
        Use(Configuration);
    }

    public string Tokens => Path.Combine(root, "tokens");

    public string Configuration => Path.Combine(root, "softhsm2.conf");

    /// <summary>Removes it all, and what was in use before is in use again.</summary>
    public void Dispose()
    {
        Directory.Delete(root, recursive: true);
        if (previous is not null)
        {
            Use(previous);
        }
    }

    // Sets SOFTHSM2_CONF where a native library reads it: .NET keeps its own environment on Unix. Read at the module's next
    // initialisation.
    private static void Use(string configuration)
    {
        inUse = configuration;
        Assert.Equal(0, SetNativeEnvironment("SOFTHSM2_CONF", configuration, 1));
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeEnvironment(string name, string value, int overwrite);
}
