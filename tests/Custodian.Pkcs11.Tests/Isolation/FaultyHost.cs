using System.Buffers.Binary;
using System.Globalization;
using Custodian.Pkcs11.Isolation.Frames;
using Custodian.Pkcs11.Isolation.Host;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>The real host over the real module, with one fault in what it writes.</summary>
internal static class FaultyHost
{
    /// <summary>What a process that grows has in the end: three quarters of 256 MiB and some more, and not all of it.</summary>
    internal const long Grown = 205L << 20;

    /// <summary>What the file is called, after the marker, where a host keeps count of its frames.</summary>
    internal const string Count = ".frames";

    internal static int Run(HostFaultKind fault, string marker) => FirstHost.Run(
        marker, (input, output) => new HostLoop(input, new FaultyOutput(output, fault, marker + Count), Console.Error).Run());

    /// <summary>Passes frames on, and puts the fault in the place of the last of the first few.</summary>
    private sealed class FaultyOutput(Stream output, HostFaultKind fault, string count) : MemoryStream
    {
        // The readiness, and four good answers before the fault.
        private const int Faulty = 6;
        private readonly List<byte[]> taken = [];
        private int frames;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (++frames == Faulty)
            {
                Fail(buffer.ToArray());
            }
            else if (fault is HostFaultKind.Counted)
            {
                Counted(buffer);
            }
            else if (frames < Faulty || fault is HostFaultKind.Silence or HostFaultKind.Grow)
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
                    Take(long.MaxValue);
                    break;
                case HostFaultKind.Counted:
                    Counted(frame);
                    break;
                case HostFaultKind.Grow:
                    Take(Grown);
                    output.Write(frame);
                    break;
                case HostFaultKind.Silence:
                default:
                    break;
            }
        }

        // Before the frame, so that who has the answer finds it counted.
        private void Counted(ReadOnlySpan<byte> frame)
        {
            File.WriteAllText(count, frames.ToString(CultureInfo.InvariantCulture));
            output.Write(frame);
        }

        private void WriteLength(byte[] frame, int length)
        {
            BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)length);
            output.Write(frame);
        }

        // Touched, so that it is resident, and kept.
        private void Take(long resident)
        {
            while (Environment.WorkingSet < resident)
            {
                var piece = new byte[4 << 20];
                Array.Fill(piece, (byte)1);
                taken.Add(piece);
                Thread.Yield();
            }
        }
    }
}
