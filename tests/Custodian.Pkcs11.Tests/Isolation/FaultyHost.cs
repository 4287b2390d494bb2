using System.Buffers.Binary;
using Custodian.Pkcs11.Isolation.Frames;
using Custodian.Pkcs11.Isolation.Host;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>
/// The real host over the real module, with one fault in what it writes. Only the first process of a test is faulty: those that find its
/// marker are sound, so that what comes after a fault can be seen.
/// </summary>
internal static class FaultyHost
{
    internal static int Run(HostFaultKind fault, string marker)
    {
        try
        {
            using var first = new FileStream(marker, FileMode.CreateNew);
        }
        catch (IOException)
        {
            return HsmHost.Run();
        }
        var signals = HostProcess.Harden();
        var (input, output) = HostProcess.TakePipes();
        var status = new HostLoop(input, new FaultyOutput(output, fault), Console.Error).Run();
        GC.KeepAlive(signals);
        return status;
    }

    /// <summary>Passes frames on, and puts the fault in the place of the last of the first few.</summary>
    private sealed class FaultyOutput(Stream output, HostFaultKind fault) : MemoryStream
    {
        // The readiness, and four good answers before the fault.
        private const int Faulty = 6;
        private int frames;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (++frames == Faulty)
            {
                Fail(buffer.ToArray());
            }
            else if (frames < Faulty || fault is HostFaultKind.Silence)
            {
                output.Write(buffer);
            }
        }

        private void Fail(byte[] frame)
        {
            switch (fault)
            {
                case HostFaultKind.Truncated:
                    output.Write(frame.AsSpan(0, frame.Length / 2));
                    HostProcess.ExitAtOnce(0);
                    break;
                case HostFaultKind.Oversized:
                    WriteLength(frame, FrameFormat.MaxSize - FrameFormat.LengthSize + 1);
                    break;
                case HostFaultKind.Undersized:
                    WriteLength(frame, FrameFormat.HeadSize - FrameFormat.LengthSize - 1);
                    break;
                case HostFaultKind.Garbage:
                    Array.Fill(frame, (byte)0xA5);
                    output.Write(frame);
                    break;
                case HostFaultKind.UnknownId:
                    BinaryPrimitives.WriteUInt64BigEndian(frame.AsSpan(FrameFormat.LengthSize + 1), ulong.MaxValue);
                    output.Write(frame);
                    break;
                case HostFaultKind.Request:
                    frame[FrameFormat.LengthSize] = (byte)FrameKind.Evaluate;
                    output.Write(frame);
                    break;
                case HostFaultKind.TrailingByte:
                    WriteLength([.. frame, 0], frame.Length + 1 - FrameFormat.LengthSize);
                    break;
                case HostFaultKind.WrongFields:
                    WriteLength(frame[..^8], frame.Length - 8 - FrameFormat.LengthSize);
                    break;
                case HostFaultKind.Twice:
                    output.Write(frame);
                    output.Write(frame);
                    break;
                case HostFaultKind.Abort:
                    Environment.FailFast(null);
                    break;
                case HostFaultKind.Exit:
                    HostProcess.ExitAtOnce(0);
                    break;
                case HostFaultKind.Leak:
                    Leak();
                    break;
                case HostFaultKind.Silence:
                default:
                    break;
            }
        }

        private void WriteLength(byte[] frame, int length)
        {
            BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)length);
            output.Write(frame);
        }

        private static void Leak()
        {
            var kept = new List<byte[]>();
            while (true)
            {
                var piece = new byte[16 << 20];
                Array.Fill(piece, (byte)1);
                kept.Add(piece);
                Thread.Yield();
            }
        }
    }
}
