using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Custodian.Pkcs11;

/// <summary>
/// Pages for secrets that live long: left out of core dumps and kept from swap, where the kernel lets this process do so. A page goes
/// from one secret to the next, zeroed between, and is never unmapped: there are as many as there were secrets at once.
/// </summary>
internal static unsafe partial class SecretPages
{
    /// <summary>The most that one secret may take.</summary>
    public const int Size = 4096;

    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;
    private const int DontDump = 16;

    private static readonly Lock Gate = new();
    private static readonly Stack<nint> Free = new();

    /// <summary>A page of zeros.</summary>
    /// <exception cref="InvalidOperationException">The system has none, or keeps none out of core dumps.</exception>
    public static nint Take()
    {
        lock (Gate)
        {
            return Free.TryPop(out var page) ? page : Map();
        }
    }

    /// <summary>Zeroes a page and gives it back.</summary>
    public static void GiveBack(nint page)
    {
        CryptographicOperations.ZeroMemory(new Span<byte>((void*)page, Size));
        lock (Gate)
        {
            Free.Push(page);
        }
    }

    private static nint Map()
    {
        var page = Map(0, Size, ReadWrite, PrivateAnonymous, -1, 0);
        if (page == -1)
        {
            throw new InvalidOperationException("The system has no page for a secret (mmap).");
        }

        // Refused where the limit of locked memory is zero; then the page may be swapped out as any other.
        _ = Lock(page, Size);
        return Advise(page, Size, DontDump) == 0 ? page : throw new InvalidOperationException("The kernel keeps no page out of core dumps (madvise).");
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "mlock")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Lock(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nuint length, int advice);
}
