using System.Globalization;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// SoftHSM as slow as an HSM behind a network: a PKCS#11 module that hands everything to SoftHSM, and takes its time over each
/// C_DeriveKey, of which every Prepare and Evaluate has one. So what a node can do is a matter of its HSM, on any machine. Where a file
/// <c>silence</c> lies beside the module, one such call takes it away and never returns; where <c>greed</c> does, one takes it and 256 MiB of
/// memory; where <c>broken</c> does, all fail.
/// </summary>
internal static class SlowHsm
{
    // CK_FUNCTION_LIST is a version, padded to eight bytes, and 68 pointers; C_DeriveKey is the 63rd.
    private const string Source =
        """
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <time.h>
        #include <unistd.h>
        typedef unsigned long (*function)();
        struct list { void *version; function at[68]; };
        static struct list slow;
        static function derive;
        static void *volatile kept;
        static unsigned long derive_slowly(unsigned long session, void *mechanism, unsigned long base, void *template, unsigned long count, void *key)
        {
            struct timespec wait = { 0, DELAY_MS * 1000000L };
            nanosleep(&wait, 0);
            while (unlink(SILENCE) == 0)
                for (;;) pause();
            if (unlink(GREED) == 0) {
                kept = aligned_alloc(2 << 20, 256 << 20);
                madvise(kept, 256 << 20, MADV_HUGEPAGE);
                memset(kept, 1, 256 << 20);
            }
            if (access(BROKEN, F_OK) == 0)
                return 0x30;
            return derive(session, mechanism, base, template, count, key);
        }
        unsigned long C_GetFunctionList(struct list **out)
        {
            unsigned long (*real)(struct list **) = dlsym(dlopen(REAL, RTLD_NOW), "C_GetFunctionList");
            struct list *found;
            unsigned long result = real(&found);
            memcpy(&slow, found, sizeof slow);
            derive = slow.at[62];
            slow.at[62] = (function)derive_slowly;
            *out = &slow;
            return result;
        }
        """;

    /// <summary>Has the next C_DeriveKey of the module in a folder never return.</summary>
    internal static void FallSilent(string folder) => File.WriteAllText(Path.Combine(folder, "silence"), "");

    /// <summary>Has the next C_DeriveKey of the module in a folder take much memory and keep it.</summary>
    internal static void TakeMemory(string folder) => File.WriteAllText(Path.Combine(folder, "greed"), "");

    /// <summary>Has every C_DeriveKey of the module in a folder fail with CKR_DEVICE_ERROR, until the result is disposed.</summary>
    internal static IDisposable Break(string folder)
    {
        string file = Path.Combine(folder, "broken");
        File.WriteAllText(file, "");
        return new Repair(file);
    }

    /// <summary>Compiles the module into a folder.</summary>
    internal static async Task<string> MakeAsync(string folder, TimeSpan delay)
    {
        string source = Path.Combine(folder, "slow-hsm.c");
        string module = Path.Combine(folder, "slow-hsm.so");
        await File.WriteAllTextAsync(source, Source);
        Expect.Success(await ChildProcess.RunAsync(
            "cc",
            [
                "-std=gnu11", "-shared", "-fPIC", "-o", module, source, $"-DREAL=\"{NodeProcess.SoftHsm}\"",
                string.Create(CultureInfo.InvariantCulture, $"-DDELAY_MS={(long)delay.TotalMilliseconds}"),
                $"-DSILENCE=\"{Path.Combine(folder, "silence")}\"", $"-DGREED=\"{Path.Combine(folder, "greed")}\"",
                $"-DBROKEN=\"{Path.Combine(folder, "broken")}\"",
            ]));
        return module;
    }

    private sealed class Repair(string file) : IDisposable
    {
        public void Dispose() => File.Delete(file);
    }
}
