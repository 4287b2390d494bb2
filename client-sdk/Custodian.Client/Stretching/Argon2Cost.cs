namespace Custodian.Client;

/// <summary>What a run of Argon2 costs (RFC 9106 section 3.1), and the shape of its memory: lanes of blocks of 1 KiB, in four slices.</summary>
internal readonly record struct Argon2Cost
{
    /// <summary>Parts of a lane between which the lanes wait for one another.</summary>
    internal const int Slices = 4;

    private const int MaxParallelism = (1 << 24) - 1;

    /// <summary>A cost within the limits of RFC 9106.</summary>
    /// <param name="memoryKib">Memory in KiB, at least 8 for each lane; what does not divide by 4 lanes is not used.</param>
    /// <param name="iterations">Passes over the memory, 1 or more.</param>
    /// <param name="parallelism">Lanes, 1 to 2^24-1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is outside its limits.</exception>
    internal Argon2Cost(int memoryKib, int iterations, int parallelism)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(parallelism, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(parallelism, MaxParallelism);
        ArgumentOutOfRangeException.ThrowIfLessThan(memoryKib, 8L * parallelism);
        MemoryKib = memoryKib;
        Iterations = iterations;
        Parallelism = parallelism;
    }

    /// <summary>Memory in KiB, as asked for.</summary>
    internal int MemoryKib { get; }

    /// <summary>Passes over the memory.</summary>
    internal int Iterations { get; }

    /// <summary>Lanes.</summary>
    internal int Parallelism { get; }

    /// <summary>Blocks of one lane in one slice.</summary>
    internal int SegmentLength => MemoryKib / (Slices * Parallelism);

    /// <summary>Blocks of one lane.</summary>
    internal int LaneLength => SegmentLength * Slices;

    /// <summary>Blocks of all lanes.</summary>
    internal int BlockCount => LaneLength * Parallelism;
}
