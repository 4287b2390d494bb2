using System.Buffers;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>What is wrong with a line to a node. It holds for the connections there are and for those to come.</summary>
internal sealed record LineFaults
{
    /// <summary>A good line.</summary>
    internal static LineFaults None { get; } = new();

    /// <summary>Connections come about, and not one byte passes; what was sent passes when this ends.</summary>
    internal static LineFaults Stalled { get; } = new() { StallsRequests = true, StallsReplies = true };

    /// <summary>The node hears everything, and nobody hears the node: what it says while this lasts is gone, and its connections with it.</summary>
    internal static LineFaults RepliesLost { get; } = new() { SwallowsReplies = true };

    /// <summary>Added each way.</summary>
    internal TimeSpan Latency { get; init; }

    /// <summary>How many bytes pass in a second, each way; null for as many as come.</summary>
    internal int? BytesPerSecond { get; init; }

    internal bool StallsRequests { get; init; }

    internal bool StallsReplies { get; init; }

    internal bool SwallowsReplies { get; init; }

    internal bool Stalls(bool replies) => replies ? StallsReplies : StallsRequests;
}

/// <summary>All bytes that passed a line since the recording began, as they were on the wire.</summary>
internal sealed class LineRecording
{
    private readonly ArrayBufferWriter<byte> _requests = new();
    private readonly ArrayBufferWriter<byte> _replies = new();

    /// <summary>From clients to the node.</summary>
    internal byte[] Requests => Snapshot(_requests);

    /// <summary>From the node to clients, swallowed ones included.</summary>
    internal byte[] Replies => Snapshot(_replies);

    /// <summary>Whether the bytes passed in one piece in either direction.</summary>
    internal bool Holds(ReadOnlySpan<byte> mark) => Requests.AsSpan().IndexOf(mark) >= 0 || Replies.AsSpan().IndexOf(mark) >= 0;

    internal void Add(bool replies, ReadOnlySpan<byte> bytes)
    {
        ArrayBufferWriter<byte> passed = replies ? _replies : _requests;
        lock (passed)
        {
            passed.Write(bytes);
        }
    }

    private static byte[] Snapshot(ArrayBufferWriter<byte> passed)
    {
        lock (passed)
        {
            return passed.WrittenSpan.ToArray();
        }
    }
}
