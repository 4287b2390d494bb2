namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>
/// Frames to a stream, whole and in the order they were sent. Whoever sends while nobody writes, writes, for itself and for those who
/// come meanwhile: no thread is woken for it, and at most one caller waits for a pipe that is full. Thread-safe.
/// </summary>
internal sealed class FrameOutput(Stream stream)
{
    private readonly Lock gate = new();
    private readonly Queue<FrameBuffer> waiting = [];
    private bool writing;
    private bool broken;

    /// <summary>
    /// Sends a frame and disposes it. One that cannot be written is dropped, like all after it: a broken pipe shows at the end of the
    /// other one, which is where it is acted upon.
    /// </summary>
    public void Send(FrameBuffer frame)
    {
        lock (gate)
        {
            waiting.Enqueue(frame);
            if (writing)
            {
                return;
            }
            writing = true;
        }
        while (TryTake(out var next))
        {
            Write(next);
        }
    }

    private bool TryTake(out FrameBuffer frame)
    {
        lock (gate)
        {
            writing = waiting.TryDequeue(out frame!);
            return writing;
        }
    }

    private void Write(FrameBuffer frame)
    {
        using (frame)
        {
            if (broken)
            {
                return;
            }
            try
            {
                stream.Write(frame.Span);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                broken = true;
            }
        }
    }
}
