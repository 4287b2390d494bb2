using System.Runtime.CompilerServices;

namespace Custodian.Client;

/// <summary>Where a run of Argon2 is: slices of all lanes are filled one after the other, the lanes of one slice in any order.</summary>
/// <param name="Pass">Pass over the memory, from 0.</param>
/// <param name="Slice">Quarter of every lane, 0 to 3.</param>
internal readonly record struct Argon2Position(int Pass, int Slice)
{
    /// <summary>
    /// Whether reference blocks are chosen without looking at the password: in the first half of the first pass. After that, memory
    /// addresses follow from it, which is what Argon2id is: someone who watches the cache learns something about the later choices.
    /// </summary>
    internal bool IsDataIndependent => Pass == 0 && Slice < Argon2Cost.Slices / 2;
}

/// <summary>Fills one lane's part of one slice (RFC 9106 section 3.4). One instance serves one thread at a time.</summary>
internal sealed unsafe class Argon2Lane
{
    /// <summary>Blocks of scratch that an instance needs.</summary>
    internal const int ScratchBlocks = 4;

    private const int TypeId = 2;

    private readonly Argon2Cost _cost;
    private readonly Argon2Memory _memory;
    private readonly delegate*<ulong*, ulong*, ulong*, ulong*, bool, void> _mix;
    private readonly ulong* _scratch;
    private readonly ulong* _zero;
    private readonly ulong* _counter;
    private readonly ulong* _addresses;

    /// <summary>Fills in <paramref name="memory"/>, with its blocks from <paramref name="scratch"/> on for intermediate values.</summary>
    internal Argon2Lane(Argon2Cost cost, Argon2Memory memory, int scratch, BlockMixing mixing)
    {
        _cost = cost;
        _memory = memory;
        _mix = BlockMixer.For(mixing);
        _scratch = memory.Block(scratch);
        _zero = memory.Block(scratch + 1);
        _counter = memory.Block(scratch + 2);
        _addresses = memory.Block(scratch + 3);
        new Span<ulong>(_zero, Argon2Memory.BlockWords).Clear();
    }

    /// <summary>Fills the blocks of <paramref name="lane"/> at <paramref name="position"/>; everything before must be filled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Fill(Argon2Position position, int lane)
    {
        int laneStart = lane * _cost.LaneLength;
        int segmentStart = position.Slice * _cost.SegmentLength;
        int first = position is { Pass: 0, Slice: 0 } ? 2 : 0;
        if (position.IsDataIndependent)
        {
            StartAddresses(position, lane);
        }

        for (int i = first; i < _cost.SegmentLength; i++)
        {
            int column = segmentStart + i;
            ulong* previous = _memory.Block(laneStart + (column == 0 ? _cost.LaneLength : column) - 1);
            ulong choice = position.IsDataIndependent ? NextAddress(i, first) : previous[0];
            ulong* reference = _memory.Block(Reference(position, lane, i, choice));
            _mix(previous, reference, _memory.Block(laneStart + column), _scratch, position.Pass > 0);
        }
    }

    /// <summary>The reference block's index in memory, for the two 32-bit halves of <paramref name="choice"/> (RFC 9106 section 3.4.2).</summary>
    private int Reference(Argon2Position position, int lane, int indexInSegment, ulong choice)
    {
        int referenceLane = position is { Pass: 0, Slice: 0 } ? lane : (int)((choice >> 32) % (uint)_cost.Parallelism);
        bool sameLane = referenceLane == lane;

        // All that is filled and not in progress elsewhere; never the block before this one, which is mixed in anyway.
        int finished = position.Pass == 0 ? position.Slice * _cost.SegmentLength : _cost.LaneLength - _cost.SegmentLength;
        int candidates = sameLane ? finished + indexInSegment - 1 : indexInSegment == 0 ? finished - 1 : finished;

        uint low = (uint)(choice & uint.MaxValue);
        ulong squared = (ulong)low * low >> 32;
        int distance = (int)((ulong)candidates * squared >> 32);
        int oldest = position.Pass == 0 || position.Slice == Argon2Cost.Slices - 1 ? 0 : (position.Slice + 1) * _cost.SegmentLength;
        int column = (int)(((uint)oldest + (uint)(candidates - 1 - distance)) % (uint)_cost.LaneLength);
        return referenceLane * _cost.LaneLength + column;
    }

    private void StartAddresses(Argon2Position position, int lane)
    {
        new Span<ulong>(_counter, Argon2Memory.BlockWords).Clear();
        _counter[0] = (uint)position.Pass;
        _counter[1] = (uint)lane;
        _counter[2] = (uint)position.Slice;
        _counter[3] = (uint)_cost.BlockCount;
        _counter[4] = (uint)_cost.Iterations;
        _counter[5] = TypeId;
    }

    private ulong NextAddress(int indexInSegment, int first)
    {
        int index = indexInSegment % Argon2Memory.BlockWords;
        if (index == 0 || indexInSegment == first)
        {
            _counter[6]++;
            _mix(_zero, _counter, _addresses, _scratch, false);
            _mix(_zero, _addresses, _addresses, _scratch, false);
        }

        return _addresses[index];
    }
}
