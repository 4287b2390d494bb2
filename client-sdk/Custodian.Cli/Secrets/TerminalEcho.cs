using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Custodian.Cli.Secrets;

/// <summary>Switches a terminal's echo off until it is disposed. The kernel goes on editing the line, so that backspace works.</summary>
internal sealed class TerminalEcho : IDisposable
{
    // Larger than any struct termios; its fields before the local flags are 4 bytes each on Linux and 8 on macOS.
    private const int AttributesSize = 256;
    private const uint Echo = 0x8;

    private readonly SafeFileHandle _terminal;
    private readonly byte[] _before = new byte[AttributesSize];

    private TerminalEcho(SafeFileHandle terminal) => _terminal = terminal;

    private static int LocalFlags => OperatingSystem.IsLinux() ? 12 : 24;

    // The line break that ends the secret is still echoed.
    private static uint EchoLineBreak => OperatingSystem.IsLinux() ? 0x40u : 0x10u;

    /// <summary>Switches the echo off, and drops what was typed before.</summary>
    /// <exception cref="IOException">It is no terminal.</exception>
    internal static TerminalEcho Off(SafeFileHandle terminal)
    {
        TerminalEcho echo = new(terminal);
        if (Libc.GetTerminalAttributes(terminal, echo._before) != 0)
        {
            throw Libc.LastError("the terminal");
        }

        byte[] silent = [.. echo._before];
        Span<byte> flags = silent.AsSpan(LocalFlags, sizeof(uint));
        uint local = BinaryPrimitives.ReadUInt32LittleEndian(flags);
        BinaryPrimitives.WriteUInt32LittleEndian(flags, (local & ~Echo) | EchoLineBreak);
        return Libc.SetTerminalAttributes(terminal, Libc.ApplyAfterFlush, silent) == 0 ? echo : throw Libc.LastError("the terminal");
    }

    /// <summary>Puts back what was set before.</summary>
    public void Dispose() => _ = Libc.SetTerminalAttributes(_terminal, Libc.ApplyAfterFlush, _before);
}
