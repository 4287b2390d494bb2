using System.Globalization;
using System.Text;
using Custodian.Pkcs11.Isolation.Supervision;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>The parts of the supervision that need no process.</summary>
public sealed class SupervisionTests
{
    [Fact]
    public void Pause_FailureAfterFailure_GrowsToTenSecondsAndStartsOverOnceAProcessLived()
    {
        var pause = new RestartPause();

        var taken = Enumerable.Range(0, 9).Select(_ => pause.Take().TotalMilliseconds).ToArray();
        pause.Lived(RestartPause.WellAfter - TimeSpan.FromTicks(1));
        var afterAShortLife = pause.Take();
        pause.Lived(RestartPause.WellAfter);

        Assert.Equal([0, 250, 500, 1000, 2000, 4000, 8000, 10000, 10000], taken);
        Assert.Equal(TimeSpan.FromSeconds(10), afterAShortLife);
        Assert.Equal(TimeSpan.Zero, pause.Take());
    }

    [Fact]
    public void Relay_LinesOfAllSorts_ToldWithinBounds()
    {
        var told = new List<string>();

        new LineRelay(told.Add).Run(new MemoryStream(Encoding.UTF8.GetBytes($"one\n\n  \n\u001b[31mtwo\0\r\n{new string('x', 3000)}\nlast")));

        Assert.Equal(["one", "[31mtwo", new string('x', 500), "last"], told);
    }

    [Fact]
    public void Relay_LinesWithoutEnd_AreToldSoManyTimes()
    {
        var told = new List<string>();

        new LineRelay(told.Add).Run(new MemoryStream(Encoding.UTF8.GetBytes(
            string.Concat(Enumerable.Range(0, 100_000).Select(i => i.ToString(CultureInfo.InvariantCulture) + "\n")))));

        Assert.Equal(201, told.Count);
        Assert.Equal("199", told[199]);
        Assert.Contains("not listened to", told[200], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_Closed_TakeNoMoreAndDrainWithTheLast()
    {
        var calls = new CallTable(4, TimeProvider.System);
        var call = NewCall();
        Assert.True(calls.TryAdd(call, out var id));

        calls.Close();
        Assert.False(calls.TryAdd(NewCall(), out _));
        Assert.False(calls.Drained.IsCompleted);
        calls.Remove(id);

        await calls.Drained.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void Calls_InASessionPastTheLimit_HangWhileTheyArePending()
    {
        var time = new ManualTime();
        var calls = new CallTable(2, time);
        Assert.True(calls.TryAdd(NewCall(), out var old));
        Assert.False(calls.AnyHangs(TimeSpan.FromSeconds(5)));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(calls.TryAdd(NewCall(), out _));

        Assert.False(calls.AnyHangs(TimeSpan.FromSeconds(5)));
        time.Advance(TimeSpan.FromTicks(1));
        Assert.True(calls.AnyHangs(TimeSpan.FromSeconds(5)));
        calls.Remove(old);
        Assert.False(calls.AnyHangs(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public void Calls_ThatWaitBehindOthers_HangOnlyFromTheirTurnOn()
    {
        var time = new ManualTime();
        var calls = new CallTable(1, time);
        ulong[] ids = [.. Enumerable.Range(0, 20).Select(_ => calls.TryAdd(NewCall(), out var id) ? id : 0)];

        foreach (var id in ids[..^1])
        {
            Assert.False(calls.AnyHangs(TimeSpan.FromSeconds(5)));
            time.Advance(TimeSpan.FromSeconds(4));
            calls.Remove(id);
        }

        Assert.False(calls.AnyHangs(TimeSpan.FromSeconds(5)));
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.True(calls.AnyHangs(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task Calls_Abandoned_FailOnceEach()
    {
        var calls = new CallTable(4, TimeProvider.System);
        var (first, second) = (NewCall(), NewCall());
        calls.TryAdd(first, out _);
        calls.TryAdd(second, out _);

        Assert.Equal(2, calls.Abandon(() => new HsmException(HsmErrorClass.Fatal, 0, "test", "gone")));
        Assert.Equal(0, calls.Abandon(() => throw new InvalidOperationException("nothing is left to fail")));

        await Assert.ThrowsAsync<HsmException>(() => first.Task);
        await Assert.ThrowsAsync<HsmException>(() => second.Task);
        Assert.False(calls.TryAdd(NewCall(), out _));
    }

    private static PendingCall<bool> NewCall() => new(Custodian.Pkcs11.Isolation.Frames.AnswerFrames.ReadNothing);
}
