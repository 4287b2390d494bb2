using Custodian.Pkcs11.Isolation.Frames;

namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>
/// Keeps one process that works: replaces it before it grows too old, starts another when it fails, and says so when there is none.
/// </summary>
internal sealed class HostSupervisor : IAsyncDisposable
{
    private readonly HostAssignment assignment;
    private readonly IsolationOptions options;
    private readonly TimeProvider time;
    private readonly RestartPause pause = new();
    private readonly CancellationTokenSource stop = new();
    private readonly Task supervision;
    private volatile HostChild? current;
    private volatile KeyInventory keys;
    private Task retirements = Task.CompletedTask;
    private bool toldOfThePin;

    private HostSupervisor(HostAssignment assignment, HostChild child)
    {
        (this.assignment, options, time, Ready, keys) = (assignment, assignment.Isolation, assignment.Time, child.Ready!, child.Ready!.Keys);
        current = child;
        supervision = SuperviseAsync(child);
    }

    /// <summary>What the first process said of the HSM. Every later one must find the same token.</summary>
    public HostReady Ready { get; }

    /// <summary>The keys as a process last told them.</summary>
    public KeyInventory Keys => keys;

    /// <summary>Starts the first process.</summary>
    /// <param name="assignment">What to start; its PIN is this object's own, and goes with it.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="HsmException">It does not become ready.</exception>
    public static async Task<HostSupervisor> StartAsync(HostAssignment assignment, CancellationToken cancellation)
    {
        var child = await HostChild.StartAsync(assignment, cancellation).ConfigureAwait(false);
        assignment.Isolation.Observer(new HostStarted(child.Id, child.Age));
        return new HostSupervisor(assignment, child);
    }

    /// <exception cref="HsmException">No process serves now.</exception>
    public void RequireServing()
    {
        if (current is not { Failed.IsCompleted: false })
        {
            throw Unavailable();
        }
    }

    /// <summary>What new things may be made under, as it was said last.</summary>
    public IReadOnlyList<TokenKey>? Authorised => assignment.Authorised;

    /// <summary>Says it, to this process and those after it.</summary>
    public void Authorise(IReadOnlyList<TokenKey>? authorised) => assignment.Authorise(authorised);

    /// <summary>Takes note of what the process says of the keys now.</summary>
    public void Saw(KeyInventory now) => keys = now;

    /// <summary>Sends a request to the process that serves.</summary>
    /// <exception cref="HsmException">None does. Nothing was sent.</exception>
    public void Send(FrameBuffer request, PendingCall call, bool usesKey)
    {
        // A process that is being replaced takes no calls any more, but then its successor serves already.
        for (var child = current; child is not null; child = current)
        {
            if (child.TrySend(request, call, usesKey))
            {
                return;
            }
            if (ReferenceEquals(child, current))
            {
                break;
            }
        }
        request.Dispose();
        throw Unavailable();
    }

    /// <summary>Lets the process finish what it has, and ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await supervision.ConfigureAwait(false);
        if (Interlocked.Exchange(ref current, null) is { } last)
        {
            await last.RetireAsync().ConfigureAwait(false);
        }
        await retirements.ConfigureAwait(false);
        stop.Dispose();
        assignment.Pin.Dispose();
    }

    private async Task SuperviseAsync(HostChild child)
    {
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, time, stop.Token);
        for (HostChild? next = child; next is not null;)
        {
            await Task.WhenAny(next.Failed, next.RecycleDue, stopped).ConfigureAwait(false);
            if (stop.IsCancellationRequested)
            {
                return;
            }
            next = next.Failed.IsCompleted
                ? await ReplaceAsync(next).ConfigureAwait(false)
                : await RecycleAsync(next).ConfigureAwait(false);
        }
    }

    /// <summary>Puts a fresh process in the place of one that works. Should none start, the old one goes on until it fails.</summary>
    private async Task<HostChild?> RecycleAsync(HostChild old)
    {
        var cause = await old.RecycleDue.ConfigureAwait(false);
        while (!old.Failed.IsCompleted)
        {
            if (await TryStartAsync().ConfigureAwait(false) is { } successor)
            {
                await ServeAsync(successor).ConfigureAwait(false);
                retirements = Task.WhenAll(retirements, RetireAsync(old, cause, successor));
                return successor;
            }
            await Task.WhenAny(old.Failed, PauseAsync()).ConfigureAwait(false);
            if (stop.IsCancellationRequested)
            {
                return null;
            }
        }
        return await ReplaceAsync(old).ConfigureAwait(false);
    }

    /// <summary>Ends a process that has a successor. What it did not live to answer was a failure, whatever it was to be replaced for.</summary>
    private async Task RetireAsync(HostChild old, RecycleCause cause, HostChild successor)
    {
        await old.RetireAsync().ConfigureAwait(false);
        var end = await old.Ended.ConfigureAwait(false);
        if (end.Fault.Cause == HostEndCause.Retired)
        {
            options.Observer(new HostRecycled(old.Id, cause, successor.Id));
        }
        else
        {
            Report(old, end);
        }
    }

    /// <summary>Waits for the end of a process that failed, and starts others until one is ready.</summary>
    private async Task<HostChild?> ReplaceAsync(HostChild failed)
    {
        current = null;
        pause.Lived(failed.Age);
        var fault = await failed.Failed.ConfigureAwait(false);
        if (fault.Cause == HostEndCause.CanaryFailed)
        {
            await failed.RetireAsync().ConfigureAwait(false);
        }
        var end = await failed.Ended.ConfigureAwait(false);
        Report(failed, end);
        for (; ; )
        {
            await PauseAsync().ConfigureAwait(false);
            if (stop.IsCancellationRequested)
            {
                return null;
            }
            if (await TryStartAsync().ConfigureAwait(false) is { } next)
            {
                await ServeAsync(next).ConfigureAwait(false);
                return next;
            }
        }
    }

    private void Report(HostChild failed, HostEnd end) =>
        options.Observer(new HostFailed(failed.Id, end.Fault.Cause, end.Fault.Detail, end.ExitStatus, end.AbandonedCalls));

    private async Task<HostChild?> TryStartAsync()
    {
        if (assignment.RefusedPin is not null)
        {
            return null;
        }
        try
        {
            var child = await HostChild.StartAsync(assignment, stop.Token).ConfigureAwait(false);
            await RequireSameKeysAsync(child).ConfigureAwait(false);
            await TellAsync(child).ConfigureAwait(false);
            return child;
        }
        catch (HsmException e)
        {
            if (e.Class == HsmErrorClass.Pin)
            {
                assignment.RefusePin(e);
            }
            else
            {
                options.Observer(new HostNotStarted(e, pause.Next));
            }
            return null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Before it takes a call it is told what was authorised while it started: nothing may be made under less. If it does not take that, it is not used.</summary>
    private async Task TellAsync(HostChild child)
    {
        try
        {
            for (var now = assignment.Authorised; !ReferenceEquals(child.Authorised, now); now = assignment.Authorised)
            {
                keys = await child.RefreshAsync(now).ConfigureAwait(false);
            }
        }
        catch (HsmException)
        {
            await child.RetireAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Has it take the calls. What was authorised since it was told, its predecessor was told alone; from here on it is told itself, so that
    /// nothing falls between. Where it does not take that, the next look at the keys tells it again.
    /// </summary>
    private async Task ServeAsync(HostChild child)
    {
        current = child;
        options.Observer(new HostStarted(child.Id, child.Age));
        if (ReferenceEquals(child.Authorised, assignment.Authorised))
        {
            return;
        }
        try
        {
            keys = await child.RefreshAsync(assignment.Authorised).ConfigureAwait(false);
        }
        catch (HsmException)
        {
            // It opens what there is; and what ails it, its canary finds.
        }
    }

    private async Task RequireSameKeysAsync(HostChild child)
    {
        if (!child.Ready!.Keys.IsOfTheTokenOf(keys))
        {
            await child.RetireAsync().ConfigureAwait(false);
            throw new HsmException(
                HsmErrorClass.Fatal, 0, "hsm-host", "The token of that name has other keys than when the node started; it is not used.");
        }
        keys = child.Ready.Keys;
    }

    /// <summary>Waits until the next start is due: for ever after a refused PIN, which is tried once and never again by itself.</summary>
    private Task PauseAsync()
    {
        var refused = assignment.RefusedPin;
        if (refused is not null && !toldOfThePin)
        {
            toldOfThePin = true;
            options.Observer(new HostNotStarted(refused, null));
        }
        var wait = refused is null ? pause.Take() : Timeout.InfiniteTimeSpan;
        return Task.Delay(wait, time, stop.Token).ContinueWith(
            static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private HsmException Unavailable() => assignment.RefusedPin is { } pin
        ? new HsmException(HsmErrorClass.Pin, pin.ReturnValue, pin.Function, pin.Message)
        : new HsmException(HsmErrorClass.Fatal, 0, "hsm-host", "No process of the HSM is ready; another is being started.");
}
