using System.Security.Cryptography;
using Custodian.Pkcs11;

namespace Custodian.Node.Host;

/// <summary>Initialises the node's token where the module has a free slot, as SoftHSM always does, so that no PIN is ever on a command line.</summary>
internal static class NewToken
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int SecurityOfficerPinBytes = 16;

    /// <summary>
    /// Initialises the token with the node's PIN and a random PIN of its security officer, which is kept in a file <c>so-pin</c> of mode
    /// 0600 in <paramref name="folder"/>.
    /// </summary>
    /// <remarks>The file is on the disk before the token is made: a crash leaves a PIN without a token, never a token without its PIN.</remarks>
    /// <returns>The path of that file.</returns>
    /// <exception cref="NodeStartException">The token or the file is there already.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="HsmException">The module has no free slot, or refused a PIN.</exception>
    internal static string Make(HsmSettings hsm, HsmPin pin, string folder)
    {
        if (Pkcs11Token.List(hsm.Module).Any(t => t.Initialised && t.Label == hsm.TokenLabel))
        {
            throw new NodeStartException($"the token '{hsm.TokenLabel}' is there already; run init without --make-token");
        }

        string file = Path.Combine(folder, "so-pin");
        if (File.Exists(file))
        {
            throw new NodeStartException($"{file} is there already; move it away, it may be the only copy of another token's PIN");
        }

        using HsmPin officer = Draw(file);
        Pkcs11Token.Initialise(hsm.Module, hsm.TokenLabel, officer, pin);
        return file;
    }

    private static HsmPin Draw(string file)
    {
        byte[] drawn = GC.AllocateUninitializedArray<byte>(SecurityOfficerPinBytes, pinned: true);
        byte[] text = GC.AllocateUninitializedArray<byte>(2 * SecurityOfficerPinBytes, pinned: true);
        try
        {
            RandomNumberGenerator.Fill(drawn);
            Convert.TryToHexStringLower(drawn, text, out _);
            Keep(file, text);
            return new HsmPin(text);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(drawn);
            CryptographicOperations.ZeroMemory(text);
        }
    }

    private static void Keep(string file, byte[] text)
    {
        using var stream = new FileStream(
            file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly, BufferSize = 0 });
        stream.Write(text);
        stream.Flush(flushToDisk: true);
    }
}
