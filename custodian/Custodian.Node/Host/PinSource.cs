using System.Security.Cryptography;
using System.Text;
using Custodian.Pkcs11;
using Microsoft.Win32.SafeHandles;

namespace Custodian.Node.Host;

/// <summary>
/// Where the HSM's PIN comes from: a file that only its owner may read, the variable CUSTODIAN_PIN, or systemd's credential
/// 'custodian-pin'. Never the command line, where every user of the machine could read it.
/// </summary>
/// <remarks>
/// The variable is the weakest of the three. It is taken out as soon as it is read, so that child processes and /proc/PID/environ no
/// longer have it; until then the same user and root can read it there, and text that .NET made of it stays in this process's memory
/// until it is reused. Whoever set it may have it still: the shell's history, the supervisor's file.
/// </remarks>
internal static class PinSource
{
    private const string Variable = "CUSTODIAN_PIN";
    private const string Credential = "custodian-pin";
    private const int LongestPin = 255;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>The PIN in pinned memory; the caller disposes it.</summary>
    /// <exception cref="NodeStartException">There is no PIN, or it is not kept safely.</exception>
    internal static HsmPin Read(string? pinFile)
    {
        if (pinFile is not null)
        {
            return ReadFile(pinFile, checkMode: true);
        }

        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text)
        {
            Environment.SetEnvironmentVariable(Variable, null);
            NativeEnvironment.Erase([.. Encoding.ASCII.GetBytes(Variable), 0]);
            byte[] bytes = GC.AllocateArray<byte>(Encoding.UTF8.GetByteCount(text), pinned: true);
            return Pin(bytes, Encoding.UTF8.GetBytes(text, bytes));
        }

        if (Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY") is { Length: > 0 } folder
            && File.Exists(Path.Combine(folder, Credential)))
        {
            return ReadFile(Path.Combine(folder, Credential), checkMode: false);
        }

        throw new NodeStartException($"no PIN for the HSM: name a file as hsm:pin_file, set {Variable}, or load the systemd credential '{Credential}'");
    }

    private static HsmPin ReadFile(string path, bool checkMode)
    {
        if (checkMode && (File.GetUnixFileMode(path) & Others) != 0)
        {
            throw new NodeStartException($"others may read the PIN in {path}; run: chmod 600 {path}");
        }

        // Into memory that the collector does not copy, past every buffer; a byte more than a PIN and its line end may have.
        byte[] room = GC.AllocateArray<byte>(LongestPin + 3, pinned: true);
        using SafeFileHandle file = File.OpenHandle(path);
        int length = 0;
        while (length < room.Length && RandomAccess.Read(file, room.AsSpan(length), length) is > 0 and int read)
        {
            length += read;
        }

        return Pin(room, length);
    }

    private static HsmPin Pin(byte[] raw, int length)
    {
        try
        {
            ReadOnlySpan<byte> trimmed = raw.AsSpan(0, length).TrimEnd("\r\n"u8);
            if (trimmed.IsEmpty || trimmed.Length > LongestPin)
            {
                throw new NodeStartException($"the HSM's PIN must be 1 to {LongestPin} bytes on one line");
            }

            return new HsmPin(trimmed);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(raw);
        }
    }
}
