using Custodian.Pkcs11.Isolation.Frames;
using Custodian.Pkcs11.Isolation.Host;
using Custodian.Pkcs11.Isolation.Supervision;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>Frames with bytes changed anywhere: read as something that may be said, or refused by name, and nothing else.</summary>
public sealed class MutatedFrameTests
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 40).Select(i => (byte)i)];
    private static readonly byte[] Point = [4, .. new byte[64]];
    private static readonly TokenKey[] Used =
        [new(KeyPurpose.Seal, 3, "00ff"), new(KeyPurpose.Wrap, 2, ""), new(KeyPurpose.Audit, 4, Convert.ToHexStringLower(Point))];
    private static readonly KeyInventory Keys = new([new(KeyPurpose.Seal, 1, "aa"), .. Used], Used) { Unused = [new("custodian/seal/9", "because")] };

    [Fact]
    public void Requests_Mutated_AreOperationsOrRefused() => Mutate(
        "requests",
        [
            RequestFrames.Prepare(Point, 7, Bytes), RequestFrames.Adopt(Bytes, 7, Bytes, Bytes.AsSpan(0, 32), Bytes),
            RequestFrames.Evaluate(Bytes, Bytes, Point), RequestFrames.Seal(Bytes, Bytes), RequestFrames.Unseal(Bytes, Bytes),
            RequestFrames.Sign(Bytes), RequestFrames.Random(32), RequestFrames.Probe(), RequestFrames.Reseal(Bytes, Bytes), RequestFrames.Keys([new(KeyPurpose.Seal, 2, "ab")]),
        ],
        frame => HostOperation.Parse(frame.Kind, frame.Id, frame.Payload));

    [Fact]
    public void Answers_Mutated_AreReadOrRefused()
    {
        using var pin = new HsmPin("1234"u8);
        Mutate(
            "answers",
            [
                AnswerFrames.Prepared(1, new(Bytes[..32], Bytes)), AnswerFrames.Evaluated(1, new(Bytes[..32], Bytes[..32])),
                AnswerFrames.Adopted(1, new(AdoptOutcome.Adopted, Bytes)), AnswerFrames.Failed(1, new(HsmErrorClass.Data, 1, "f", "m")),
                OpeningFrames.Ready(new(new("l", "s", "m", "m", true), Keys)),
                OpeningFrames.Open(new Pkcs11HsmOptions { ModulePath = "/m", TokenLabel = "t", Pin = pin }, [new(KeyPurpose.Seal, 2, "ab")], pin),
                AnswerFrames.Keys(1, Keys), AnswerFrames.Signed(1, new HsmSignature(1, new byte[64])),
            ],
            Readers);
    }

    private static readonly Action<Frame>[] Readers =
    [
        frame => ReadWhole(frame, AnswerFrames.ReadPrepared),
        frame => ReadWhole(frame, AnswerFrames.ReadEvaluated),
        frame => ReadWhole(frame, AnswerFrames.ReadAdopted),
        frame => ReadWhole(frame, AnswerFrames.ReadFailed),
        frame => ReadWhole(frame, AnswerFrames.ReadBytes),
        frame => ReadWhole(frame, AnswerFrames.ReadSecret),
        frame => ReadWhole(frame, AnswerFrames.ReadNothing),
        frame => ReadWhole(frame, AnswerFrames.ReadKeys),
        frame => ReadWhole(frame, AnswerFrames.ReadSigned),
        frame => ReadWhole(frame, OpeningFrames.ReadReady),
        frame => OpeningFrames.ReadOpen(frame.Payload).Pin.Dispose(),
    ];

    private static void ReadWhole<T>(Frame frame, AnswerDecoder<T> decode)
    {
        var fields = new FrameReader(frame.Payload);
        decode(ref fields);
        fields.End();
    }

    // Every reader meets every frame.
    private static void Mutate(string purpose, FrameBuffer[] frames, params Action<Frame>[] readers)
    {
        var draws = new Draws("mutated " + purpose);
        for (var round = 0; round < Effort.Times(3000, 300_000); round++)
        {
            var bytes = draws.Pick(frames).Span.ToArray();
            for (var flips = draws.Between(1, 4); flips > 0; flips--)
            {
                bytes[draws.Next(bytes.Length)] = (byte)draws.Next(256);
            }
            using var input = new FrameInput(new MemoryStream(bytes));
            while (TryRead(input, out var frame))
            {
                foreach (var read in readers)
                {
                    Refusable(() => read(frame));
                }
            }
        }
    }

    private static bool TryRead(FrameInput input, out Frame frame)
    {
        var (isRead, next) = (false, default(Frame));
        Refusable(() => isRead = input.TryRead(out next));
        frame = next;
        return isRead;
    }

    private static void Refusable(Action read)
    {
        try
        {
            read();
        }
        catch (MalformedFrameException)
        {
            // Refused by name; anything else ends the test.
        }
    }
}
