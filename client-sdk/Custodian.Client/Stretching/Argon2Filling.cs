namespace Custodian.Client;

/// <summary>
/// Fills the memory of one run: the calling thread and helpers of its own take the lanes of a slice from a common counter, and all wait
/// for one another before the next slice. Helpers are threads, not pool workers: a run never waits for a busy pool, nor the pool for it.
/// </summary>
internal sealed class Argon2Filling
{
    private const int HelperStackSize = 256 * 1024;

    private readonly Argon2Cost _cost;
    private readonly Argon2Memory _memory;
    private readonly BlockMixing _mixing;
    private readonly CancellationToken _cancellation;
    private Argon2Position _position;
    private int _lanesTaken;
    private bool _ended;

    private Argon2Filling(Argon2Cost cost, Argon2Memory memory, BlockMixing mixing, CancellationToken cancellation)
    {
        _cost = cost;
        _memory = memory;
        _mixing = mixing;
        _cancellation = cancellation;
    }

    /// <summary>How many threads fill at a time: no more than lanes or processors.</summary>
    internal static int Workers(Argon2Cost cost) => Math.Min(cost.Parallelism, Environment.ProcessorCount);

    /// <summary>
    /// Fills <paramref name="memory"/>, whose lanes hold their first two blocks already and which has
    /// <see cref="Argon2Lane.ScratchBlocks"/> more for each worker behind the lanes.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled, noticed between two slices; no helper runs any more.</exception>
    internal static void Run(Argon2Cost cost, Argon2Memory memory, BlockMixing mixing, CancellationToken cancellation)
    {
        var filling = new Argon2Filling(cost, memory, mixing, cancellation);
        filling.Run(Workers(cost));
        cancellation.ThrowIfCancellationRequested();
    }

    private void Run(int workers)
    {
        using var barrier = new Barrier(1, _ => Advance());
        var helpers = new List<Thread>();
        while (helpers.Count < workers - 1 && TryStartHelper(barrier, helpers.Count + 1) is { } helper)
        {
            helpers.Add(helper);
        }

        Work(barrier, 0);
        helpers.ForEach(helper => helper.Join());
    }

    /// <summary>A started helper, or null where the system has no thread to give; the lanes are then filled by those that run.</summary>
    private Thread? TryStartHelper(Barrier barrier, int worker)
    {
        barrier.AddParticipant();
        try
        {
            var helper = new Thread(() => Work(barrier, worker), HelperStackSize) { IsBackground = true, Name = "argon2id" };
            helper.Start();
            return helper;
        }
        catch (Exception e) when (e is OutOfMemoryException or PlatformNotSupportedException)
        {
            barrier.RemoveParticipant();
            return null;
        }
    }

    private void Work(Barrier barrier, int worker)
    {
        var lane = new Argon2Lane(_cost, _memory, _cost.BlockCount + worker * Argon2Lane.ScratchBlocks, _mixing);
        while (!_ended)
        {
            for (int taken; (taken = Interlocked.Increment(ref _lanesTaken) - 1) < _cost.Parallelism;)
            {
                lane.Fill(_position, taken);
            }

            barrier.SignalAndWait(CancellationToken.None);
        }
    }

    /// <summary>Runs on one thread while all others wait at the barrier, which also makes its writes visible to them.</summary>
    private void Advance()
    {
        _position = _position.Slice + 1 < Argon2Cost.Slices
            ? _position with { Slice = _position.Slice + 1 }
            : new Argon2Position(_position.Pass + 1, 0);
        _lanesTaken = 0;
        _ended = _position.Pass == _cost.Iterations || _cancellation.IsCancellationRequested;
    }
}
