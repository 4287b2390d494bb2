using Custodian.Pkcs11.Isolation.Frames;

namespace Custodian.Pkcs11.Isolation.Host;

/// <summary>
/// The HSM's side of the pipes: opens the HSM as the first request says, runs every further one as it comes, many at once, and answers
/// each when it is done. Ends with its input.
/// </summary>
/// <param name="input">Where requests come from.</param>
/// <param name="output">Where answers go.</param>
/// <param name="complaints">Where to say why it ends, in words for an operator.</param>
internal sealed class HostLoop(Stream input, Stream output, TextWriter complaints)
{
    /// <summary>It ended as the node wished.</summary>
    public const int Done = 0;

    /// <summary>The HSM could not be opened; the answer says why.</summary>
    public const int NotOpened = 1;

    /// <summary>The input was not what a node writes.</summary>
    public const int BadInput = 2;

    /// <summary>The HSM did not finish in time what it had begun.</summary>
    public const int Hung = 3;

    /// <summary>How long the end waits for operations under way. Nobody waits for their answers any more.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly FrameOutput answers = new(output);

    /// <returns>The process's exit status.</returns>
    public int Run()
    {
        using var frames = new FrameInput(input);
        try
        {
            return frames.TryRead(out var first) ? Serve(frames, first) : Done;
        }
        catch (MalformedFrameException e)
        {
            complaints.WriteLine($"what came from the node is no request: {e.Message}");
            return BadInput;
        }
    }

    private int Serve(FrameInput frames, Frame first)
    {
        if (first.Kind != FrameKind.Open)
        {
            throw new MalformedFrameException($"A frame of kind {first.Kind} came first.");
        }
        if (Open(first) is not { } hsm)
        {
            return NotOpened;
        }
        answers.Send(OpeningFrames.Ready(new HostReady(hsm.Token, hsm.Keys)));
        try
        {
            while (frames.TryRead(out var request))
            {
                Begin(hsm, request);
            }
        }
        catch (IOException)
        {
            // The node is gone; that is an end like any other.
        }
        return Leave(hsm);
    }

    private Pkcs11Hsm? Open(Frame first)
    {
        var options = OpeningFrames.ReadOpen(first.Payload);
        using (options.Pin)
        {
            try
            {
                return Pkcs11Hsm.OpenAsync(options, CancellationToken.None).GetAwaiter().GetResult();
            }
            catch (Exception e)
            {
                answers.Send(AnswerFrames.Failed(OpeningFrames.Id, HostWork.OfHsm(e)));
                return null;
            }
        }
    }

    private void Begin(Pkcs11Hsm hsm, Frame request)
    {
        var payload = FrameBuffer.CopyOf(request.Payload);
        try
        {
            // Admitted by the node already: here it has nothing to wait for but a session.
            hsm.Post(new HostWork(request.Id, HostOperation.Parse(request.Kind, request.Id, payload.Memory), payload, answers));
        }
        catch (MalformedFrameException)
        {
            payload.Dispose();
            throw;
        }
    }

    private static int Leave(Pkcs11Hsm hsm) => hsm.DisposeAsync().AsTask().Wait(Patience) ? Done : Hung;
}
