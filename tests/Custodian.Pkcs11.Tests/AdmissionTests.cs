using Custodian.Pkcs11.Sessions;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>How many may wait for the HSM, for how long, and in which order they come in.</summary>
public sealed class AdmissionTests : IDisposable
{
    private readonly ManualTime time = new();
    private readonly HsmPin pin = new("1234"u8);

    public void Dispose() => pin.Dispose();

    [Fact]
    public async Task Enter_PlacesFree_AdmitsAtOnce()
    {
        var gate = Gate(places: 2, line: 0);

        Assert.NotNull(await EnterAsync(gate));
        Assert.NotNull(await EnterAsync(gate));
    }

    [Fact]
    public async Task Enter_NoPlaceAndNoLine_TurnsAwayAtOnce()
    {
        var gate = Gate(places: 1, line: 0);
        using var first = await EnterAsync(gate);

        Assert.Null(await EnterAsync(gate));
    }

    [Fact]
    public async Task Enter_LineFull_TurnsAwayOnlyTheNext()
    {
        var gate = Gate(places: 1, line: 2);
        var first = await EnterAsync(gate);
        var waiting = new[] { EnterAsync(gate), EnterAsync(gate) };

        Assert.Null(await EnterAsync(gate));
        first!.Dispose();

        Assert.NotNull(await waiting[0]);
        Assert.False(waiting[1].IsCompleted);
    }

    [Fact]
    public async Task Enter_TurnedAway_TakesNoPlaceInLine()
    {
        var gate = Gate(places: 1, line: 1);
        var first = await EnterAsync(gate);
        var waiting = EnterAsync(gate);
        Assert.Null(await EnterAsync(gate));
        Assert.Null(await EnterAsync(gate));

        first!.Dispose();
        var second = await waiting;
        var next = EnterAsync(gate);
        second!.Dispose();

        Assert.NotNull(await next);
    }

    [Fact]
    public async Task Enter_WaitOver_IsTurnedAwayAndTheLineIsFree()
    {
        var gate = Gate(places: 1, line: 1);
        using var first = await EnterAsync(gate);
        var waiting = EnterAsync(gate);
        Assert.Equal(1, time.Timers);

        time.Advance(TimeSpan.FromMilliseconds(1999));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Null(await waiting);
        Assert.Equal(0, time.Timers);
        Assert.False(EnterAsync(gate).IsCompleted);
    }

    [Fact]
    public async Task Enter_WaitOverThenPlaceFree_ThePlaceIsNotLost()
    {
        var gate = Gate(places: 1, line: 1);
        var first = await EnterAsync(gate);
        var waiting = EnterAsync(gate);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(await waiting);

        first!.Dispose();

        Assert.NotNull(await EnterAsync(gate));
    }

    [Fact]
    public async Task Enter_Cancelled_ThrowsAndThePlaceIsNotLost()
    {
        var gate = Gate(places: 1, line: 1);
        var first = await EnterAsync(gate);
        using var cancellation = new CancellationTokenSource();
        var waiting = gate.EnterAsync(this, cancellation.Token).AsTask();

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        first!.Dispose();
        Assert.NotNull(await EnterAsync(gate));
    }

    [Fact]
    public async Task Dispose_Twice_GivesOnePlaceBack()
    {
        var gate = Gate(places: 1, line: 0);
        var first = await EnterAsync(gate);

        first!.Dispose();
        first.Dispose();

        Assert.NotNull(await EnterAsync(gate));
        Assert.Null(await EnterAsync(gate));
    }

    [Fact]
    public async Task Dispose_WhileTheOperationRuns_GivesThePlaceBackAtItsEnd()
    {
        var gate = Gate(places: 1, line: 0);
        var first = await EnterAsync(gate);
        first!.Begin(this);

        first.Dispose();
        Assert.Null(await EnterAsync(gate));
        first.End();

        Assert.NotNull(await EnterAsync(gate));
        Assert.Null(await EnterAsync(gate));
    }

    [Fact]
    public async Task Begin_OfAnotherHsm_Throws()
    {
        using var admission = await EnterAsync(Gate(places: 1, line: 0));

        Assert.Throws<ArgumentException>(() => admission!.Begin(new object()));
    }

    [Fact]
    public async Task Close_CallersWait_AreTurnedAway()
    {
        var gate = Gate(places: 1, line: 1);
        using var first = await EnterAsync(gate);
        var waiting = EnterAsync(gate);

        gate.Close();

        Assert.Null(await waiting);
        Assert.Null(await EnterAsync(gate));
    }

    [Fact]
    public async Task Enter_LineTooSlow_TurnsAwayAtOnceWhoWouldWaitTooLong()
    {
        var gate = Gate(places: 1, line: 100);
        var served = await StandInLineAsync(gate, count: 60);

        // A place every 50 ms, and 2 s to wait: the fortieth in line is served in time, and forty wait.
        await ServeAsync(gate, served, count: 20, each: TimeSpan.FromMilliseconds(50));

        Assert.Null(await EnterAsync(gate));
        await ServeAsync(gate, served, count: 5, each: TimeSpan.FromMilliseconds(50));
        Assert.False(EnterAsync(gate).IsCompleted);
    }

    [Fact]
    public async Task Enter_HsmFallsSilent_TurnsAwayAtOnceAllButTheFirstInLine()
    {
        var gate = Gate(places: 1, line: 100);
        var served = await StandInLineAsync(gate, count: 30);
        await ServeAsync(gate, served, count: 20, each: TimeSpan.FromMilliseconds(1));
        Assert.False(EnterAsync(gate).IsCompleted);

        time.Advance(TimeSpan.FromSeconds(3));

        Assert.False(EnterAsync(gate).IsCompleted);
        Assert.True(EnterAsync(gate).IsCompleted);
    }

    [Fact]
    public async Task Enter_AfterTheLineWasEmpty_WaitsWhateverTheFormerPace()
    {
        var gate = Gate(places: 1, line: 100);
        var served = await StandInLineAsync(gate, count: 19);
        await ServeAsync(gate, served, count: 19, each: TimeSpan.FromMilliseconds(100));
        (await served.Dequeue())!.Dispose();
        using var only = await EnterAsync(gate);

        Assert.All(Enumerable.Range(0, 50).Select(_ => EnterAsync(gate)), waiting => Assert.False(waiting.IsCompleted));
    }

    /// <summary>One is admitted and so many wait, in their order.</summary>
    private async Task<Queue<Task<HsmAdmission?>>> StandInLineAsync(AdmissionGate gate, int count)
    {
        var line = new Queue<Task<HsmAdmission?>>();
        line.Enqueue(Task.FromResult(await EnterAsync(gate)));
        for (var i = 0; i < count; i++)
        {
            line.Enqueue(EnterAsync(gate));
        }
        return line;
    }

    /// <summary>Ends so many operations, each so long after the one before; whoever is next has its place afterwards.</summary>
    private async Task ServeAsync(AdmissionGate gate, Queue<Task<HsmAdmission?>> line, int count, TimeSpan each)
    {
        for (var i = 0; i < count; i++)
        {
            time.Advance(each);
            (await line.Dequeue())!.Dispose();
            await line.Peek();
        }
    }

    private Task<HsmAdmission?> EnterAsync(AdmissionGate gate) => gate.EnterAsync(this, CancellationToken.None).AsTask();

    private AdmissionGate Gate(int places, int line) => new(new Pkcs11HsmOptions
    {
        ModulePath = SoftHsmDirectory.ModulePath,
        TokenLabel = "t",
        Pin = pin,
        MaxAdmitted = places,
        MaxWaiting = line,
        TimeProvider = time,
    });
}
