using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;
using Xunit.Abstractions;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>SoftHSM keeps half a kilobyte of every key it unwrapped until it is finalised; recycling gives it back.</summary>
public sealed class HostMemoryTests(ITestOutputHelper output) : IAsyncLifetime, IDisposable
{
    private const int Callers = 8;

    private readonly SoftHsmToken token = new();
    private readonly SeenEvents events = new();

    public Task InitializeAsync() => token.CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => token.Dispose();

    [Fact]
    [Trait("Effort", "Long")]
    public async Task Evaluate_TwoHundredThousandTimesWithRecycling_MemoryOfNodeAndHostStaysFlat()
    {
        var rounds = 10;
        var perRound = Effort.Times(4000, 20_000);
        await using var hsm = await IsolatedHsm.OpenAsync(
            token.Options(sessions: 4),
            new IsolationOptions { Program = TestHosts.Sound(token), RecycleAfter = perRound, Observer = events.See },
            CancellationToken.None);
        var record = await KnownRecord.MakeAsync(hsm);
        var host = new List<long>();
        var node = new List<long>();

        for (var round = 0; round < rounds; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => EvaluateAsync(hsm, record, perRound / Callers)));
            host.Add(Resident(events.Of<HostStarted>()[^1].ProcessId));
            node.Add(Resident(Environment.ProcessId));
        }

        output.WriteLine($"MiB of the host after each round: {string.Join(' ', host.Select(b => b >> 20))}");
        output.WriteLine($"MiB of the node after each round: {string.Join(' ', node.Select(b => b >> 20))}");
        Assert.Empty(events.Of<HostFailed>());
        Assert.InRange(events.Of<HostRecycled>().Count, rounds - 1, rounds);
        Assert.True(host.TakeLast(5).Average() < 1.25 * host.Take(5).Average(), "the host grows from round to round");
        Assert.True(node.TakeLast(5).Average() < 1.25 * node.Take(5).Average(), "the node grows from round to round");
    }

    private static async Task EvaluateAsync(IHsm hsm, KnownRecord record, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await record.EvaluateAsync(hsm);
        }
    }

    private static long Resident(int processId) => long.Parse(
        File.ReadAllText($"/proc/{processId}/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}
