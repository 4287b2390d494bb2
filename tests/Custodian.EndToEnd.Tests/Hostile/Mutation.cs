using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>Bytes that were a message, and what was done to them.</summary>
internal sealed record Mutation(string Script, byte[] Bytes)
{
    public override string ToString() => $"{Script}: {Convert.ToHexStringLower(Bytes.AsSpan(0, Math.Min(Bytes.Length, 200)))}";
}

/// <summary>Draws mutations of messages: what a fuzzer of protobuf tries.</summary>
internal sealed class Mutator(Draws draws)
{
    private const int GroupStart = 3;
    private const int GroupEnd = 4;
    private const int Delimited = 2;

    /// <summary>The same message with one thing wrong, or several.</summary>
    internal Mutation Mutate(IMessage message)
    {
        byte[] bytes = message.ToByteArray();
        List<string> script = [];
        for (int steps = draws.Between(1, 3); steps > 0; steps--)
        {
            (string step, bytes) = Once(bytes);
            script.Add(step);
        }

        return new Mutation(string.Join(", ", script), bytes);
    }

    private (string Step, byte[] Bytes) Once(byte[] bytes) => draws.Next(12) switch
    {
        0 => ("a bit flipped", Flipped(bytes)),
        1 => ("truncated", bytes[..draws.Next(bytes.Length + 1)]),
        2 => ("a field twice", [.. bytes, .. Field(bytes)]),
        3 => ("an unknown field", [.. bytes, .. Unknown()]),
        4 => ("a wrong wire type", Retyped(bytes)),
        5 => ("groups inside each other", [.. bytes, .. Groups(draws.Pick<int>([1, 50, 99, 101, 5000]))]),
        6 => ("a varint without end", [.. bytes, .. Tag(draws.Between(1, 16), 0), .. Enumerable.Repeat((byte)0xff, draws.Between(10, 12)), 1]),
        7 => ("a length beyond the message", [.. bytes, .. Tag(draws.Between(1, 16), Delimited), .. draws.Pick(Bombs)]),
        8 => ("random bytes", draws.Bytes(draws.Next(300))),
        9 => ("a field left out", Without(bytes)),
        10 => ("a field of random content", [.. Without(bytes), .. Random(draws.Between(1, 15), draws.Pick<int>([0, 1, 15, 17, 33, 300, 70_000]))]),
        _ => ("no UTF-8", [.. bytes, .. Tag(15, Delimited), 3, 0xff, 0xc0, 0x80]),
    };

    private static byte[][] Bombs =>
        [[0xff, 0xff, 0xff, 0xff, 0x07], [0xff, 0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x7f]];

    private byte[] Flipped(byte[] bytes)
    {
        byte[] flipped = [.. bytes];
        if (flipped.Length > 0)
        {
            flipped[draws.Next(flipped.Length)] ^= (byte)(1 << draws.Next(8));
        }

        return flipped;
    }

    private byte[] Unknown() => draws.Next(3) switch
    {
        0 => [.. Tag(draws.Between(16, (1 << 29) - 1), 0), 1],
        1 => [.. Tag(draws.Between(16, 1000), 1), .. draws.Bytes(8)],
        _ => Random(draws.Between(16, 1000), draws.Next(50)),
    };

    private byte[] Retyped(byte[] bytes)
    {
        byte[] retyped = [.. bytes];
        if (retyped.Length > 0)
        {
            retyped[0] = (byte)((retyped[0] & 0xf8) | draws.Next(8));
        }

        return retyped;
    }

    private byte[] Groups(int depth) => draws.Chance(50)
        ? [.. Enumerable.Repeat(Tag(20, GroupStart), depth).SelectMany(t => t), .. Enumerable.Repeat(Tag(20, GroupEnd), depth).SelectMany(t => t)]
        : [.. Enumerable.Repeat(Tag(20, GroupStart), depth).SelectMany(t => t)];

    private byte[] Field(byte[] bytes) => Fields(bytes) is { Count: > 0 } fields ? draws.Pick(fields) : [];

    private byte[] Without(byte[] bytes)
    {
        List<byte[]> fields = Fields(bytes);
        if (fields.Count > 0)
        {
            fields.RemoveAt(draws.Next(fields.Count));
        }

        return [.. fields.SelectMany(f => f)];
    }

    private byte[] Random(int number, int length)
    {
        using var written = new MemoryStream();
        using (var output = new CodedOutputStream(written, leaveOpen: true))
        {
            output.WriteTag(number, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(draws.Bytes(length)));
        }

        return written.ToArray();
    }

    /// <summary>The top-level fields as they are written; those up to the first that cannot be read.</summary>
    private static List<byte[]> Fields(byte[] bytes)
    {
        List<byte[]> fields = [];
        using var input = new CodedInputStream(bytes);
        try
        {
            for (long from = 0; input.ReadTag() != 0; from = input.Position)
            {
                input.SkipLastField();
                fields.Add(bytes[(int)from..(int)input.Position]);
            }
        }
        catch (Exception broken) when (broken is InvalidProtocolBufferException or InvalidOperationException)
        {
            // An earlier mutation has left the rest unreadable.
        }

        return fields;
    }

    private static byte[] Tag(int number, int type)
    {
        List<byte> tag = [];
        for (uint rest = ((uint)number << 3) | (uint)type; ; rest >>= 7)
        {
            if (rest < 0x80)
            {
                tag.Add((byte)rest);
                return [.. tag];
            }

            tag.Add((byte)((rest & 0x7f) | 0x80));
        }
    }
}
