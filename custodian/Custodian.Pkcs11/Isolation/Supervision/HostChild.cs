using System.Globalization;
using Custodian.Pkcs11.Isolation.Frames;

namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>Why a process must go, or is gone.</summary>
internal sealed record HostFault(HostEndCause Cause, string Detail);

/// <summary>How a process ended.</summary>
internal sealed record HostEnd(HostFault Fault, int ExitStatus, int AbandonedCalls);

/// <summary>
/// One process that holds the HSM: its calls, and the watch over it. A process that breaks a rule is killed, and its calls fail when it
/// is gone and what it had answered is read: only then is it certain that none of them was done for anyone.
/// </summary>
internal sealed class HostChild
{
    /// <summary>A process younger than this is not replaced for its memory: a fresh one would have no less.</summary>
    private static readonly TimeSpan SettlingTime = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly SpawnedHost host;
    private readonly HostAssignment assignment;
    private readonly IsolationOptions options;
    private readonly TimeProvider time;
    private readonly CallTable calls;
    private readonly FrameOutput requests;
    private readonly TaskCompletionSource answersEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<HostFault> failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<RecycleCause> recycleDue = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long startedAt;
    private ITimer? pulse;
    private long keysUsed;
    private int suspected;

    private HostChild(SpawnedHost host, HostAssignment assignment)
    {
        (this.host, this.assignment, options, time) = (host, assignment, assignment.Isolation, assignment.Time);
        Authorised = assignment.Authorised;
        calls = new CallTable(assignment.Hsm.Sessions, time);
        requests = new FrameOutput(host.Input);
        startedAt = time.GetTimestamp();
        StartThread("answers", ReadAnswers);
        StartThread("words", () => new LineRelay(line => options.Observer(new HostSaid(host.Id, line))).Run(host.Errors));
        Ended = RunToEndAsync();
    }

    public int Id => host.Id;

    /// <summary>What it was told last for new things to be made under.</summary>
    public IReadOnlyList<TokenKey>? Authorised { get; private set; }

    /// <summary>What it said of itself when it was ready.</summary>
    public HostReady? Ready { get; private set; }

    public TimeSpan Age => time.GetElapsedTime(startedAt);

    /// <summary>Completes when it works and should be replaced.</summary>
    public Task<RecycleCause> RecycleDue => recycleDue.Task;

    /// <summary>Completes when it must not be used any more.</summary>
    public Task<HostFault> Failed => failed.Task;

    /// <summary>Completes when it is gone and every call of it has an outcome.</summary>
    public Task<HostEnd> Ended { get; }

    /// <summary>Starts a process and waits until it is ready.</summary>
    /// <exception cref="HsmException">It did not become ready. It is gone.</exception>
    /// <exception cref="OperationCanceledException">It was not waited for. It is gone.</exception>
    public static async Task<HostChild> StartAsync(HostAssignment assignment, CancellationToken stop)
    {
        var spawned = await SpawnedHost.StartAsync(assignment.Isolation.Program).ConfigureAwait(false);
        var child = new HostChild(spawned, assignment);
        try
        {
            child.Ready = await child.OpenAsync(stop).ConfigureAwait(false);
            child.Watch();
            return child;
        }
        catch
        {
            child.Condemn(HostEndCause.Retired, "it did not become ready");
            await child.Ended.ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Sends a request; false when the process takes none any more, and the frame is still the caller's.</summary>
    public bool TrySend(FrameBuffer request, PendingCall call, bool usesKey = false)
    {
        if (!calls.TryAdd(call, out var id))
        {
            return false;
        }
        request.Number(id);
        requests.Send(request);
        if (usesKey && Interlocked.Increment(ref keysUsed) == options.RecycleAfter)
        {
            recycleDue.TrySetResult(RecycleCause.Count);
        }
        return true;
    }

    /// <summary>Has it look for its keys again, and tells it what new things may be made under.</summary>
    /// <exception cref="HsmException">It did not.</exception>
    public async Task<KeyInventory> RefreshAsync(IReadOnlyList<TokenKey>? authorised)
    {
        var call = new PendingCall<KeyInventory>(AnswerFrames.ReadKeys);
        var request = RequestFrames.Keys(authorised);
        if (!TrySend(request, call))
        {
            request.Dispose();
            throw Failure("The HSM's process is gone before it served.");
        }
        var found = await call.Task.ConfigureAwait(false);
        Authorised = authorised;
        return found;
    }

    /// <summary>Takes no further calls, lets it finish those it has, and ends it.</summary>
    public async Task RetireAsync()
    {
        calls.Close();
        await Task.WhenAny(calls.Drained, Ended).ConfigureAwait(false);
        failed.TrySetResult(new HostFault(HostEndCause.Retired, "its work was done"));
        host.CloseInput();
        try
        {
            await Ended.WaitAsync(options.Deadline, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            host.Kill();
        }
        await Ended.ConfigureAwait(false);
    }

    private async Task<HostReady> OpenAsync(CancellationToken stop)
    {
        var opening = new PendingCall<HostReady>(OpeningFrames.ReadReady);
        var frame = OpeningFrames.Open(assignment.Hsm, Authorised, assignment.Pin);
        if (!TrySend(frame, opening))
        {
            frame.Dispose();
            opening.Fail(Failure("The HSM's process is gone: it ended as soon as it had started."));
        }
        try
        {
            return await opening.Task.WaitAsync(options.StartDeadline, time, stop).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            var limit = options.StartDeadline.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);
            throw Failure($"The HSM's process was not ready within {limit} s.");
        }
    }

    private void Watch()
    {
        var interval = TimeSpan.FromMilliseconds(Math.Clamp(options.Deadline.TotalMilliseconds / 10, 10, 500));
        pulse = time.CreateTimer(_ => Check(), null, interval, interval);
    }

    private void Check()
    {
        if (calls.AnyHangs(options.Deadline))
        {
            Condemn(HostEndCause.Hung, $"an operation took longer than {options.Deadline.TotalMilliseconds:0} ms");
            return;
        }
        var resident = host.ResidentBytes();
        if (resident > options.MemoryLimit)
        {
            Condemn(HostEndCause.OutOfMemory, $"it took {resident >> 20} MiB of {options.MemoryLimit >> 20} MiB");
        }
        else if (resident > options.MemoryLimit / 4 * 3 && Age > SettlingTime)
        {
            recycleDue.TrySetResult(RecycleCause.Memory);
        }
    }

    /// <summary>Ends it at once; the first reason is the one that counts.</summary>
    private void Condemn(HostEndCause cause, string detail)
    {
        failed.TrySetResult(new HostFault(cause, detail));
        calls.Close();
        host.Kill();
    }

    private void ReadAnswers()
    {
        try
        {
            using var frames = new FrameInput(host.Output, waitsAsBatch: true);
            while (frames.TryRead(out var answer))
            {
                Take(answer);
            }
            Condemn(HostEndCause.Died, "it ended by itself, or was killed");
        }
        catch (MalformedFrameException e)
        {
            Condemn(HostEndCause.BadFrame, e.Message.TrimEnd('.'));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            Condemn(HostEndCause.Died, "its answers cannot be read");
        }
        answersEnded.SetResult();
    }

    private void Take(Frame answer)
    {
        if (!calls.TryFind(answer.Id, out var call))
        {
            throw new MalformedFrameException("An answer to what was not asked.");
        }
        var fields = new FrameReader(answer.Payload);
        switch (answer.Kind)
        {
            case FrameKind.Done:
                call.Complete(fields);
                break;
            case FrameKind.Failed:
                var failure = AnswerFrames.ReadFailed(ref fields);
                fields.End();
                if (failure.IsOfRefusedPin)
                {
                    assignment.RefusePin(failure);
                }
                call.Fail(failure);
                Suspect(failure);
                break;
            default:
                throw new MalformedFrameException($"A frame of kind {answer.Kind} where an answer was due.");
        }
        calls.Remove(answer.Id);
    }

    // Bad input fails without any fault of the HSM's, and a refused PIN is not tried again. After anything else the canary decides.
    private void Suspect(HsmException failure)
    {
        var cleared = failure.Class is HsmErrorClass.Data or HsmErrorClass.Pin || Ready is null;
        if (!cleared && Interlocked.Exchange(ref suspected, 1) == 0)
        {
            _ = Task.Run(() => SendCanaryAsync(failure));
        }
    }

    private async Task SendCanaryAsync(HsmException suspicion)
    {
        var canary = new PendingCall<bool>(AnswerFrames.ReadNothing);
        var frame = RequestFrames.Probe();
        if (!TrySend(frame, canary))
        {
            frame.Dispose();
            return;
        }
        try
        {
            await canary.Task.ConfigureAwait(false);
            Volatile.Write(ref suspected, 0);
            options.Observer(new HostCleared(host.Id, suspicion));
        }
        catch (HsmException e) when (e.Class == HsmErrorClass.Pin)
        {
            Volatile.Write(ref suspected, 0);
        }
        catch (HsmException e)
        {
            failed.TrySetResult(new HostFault(HostEndCause.CanaryFailed, e.Message.TrimEnd('.')));
        }
    }

    private async Task<HostEnd> RunToEndAsync()
    {
        var status = await host.Exited.ConfigureAwait(false);
        calls.Close();

        // What it had answered before it died was done.
        await answersEnded.Task.WaitAsync(LastWords, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        failed.TrySetResult(new HostFault(HostEndCause.Died, "it ended by itself, or was killed"));
        if (pulse is { } watch)
        {
            await watch.DisposeAsync().ConfigureAwait(false);
        }
        var fault = await failed.Task.ConfigureAwait(false);
        var abandoned = calls.Abandon(() => Failure($"The HSM's process is gone: {fault.Detail}."));
        host.Dispose();
        return new HostEnd(fault, status, abandoned);
    }

    private void StartThread(string what, Action run) =>
        new Thread(() => run()) { IsBackground = true, Name = $"hsm {what} {host.Id}" }.Start();

    private static HsmException Failure(string message) => new(HsmErrorClass.Fatal, 0, "hsm-host", message);
}
