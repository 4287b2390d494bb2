using System.Runtime.InteropServices;

namespace Custodian.Client.Tests.Stretching;

/// <summary>Every set of instructions that this machine has must mix as the portable one does.</summary>
public sealed unsafe class BlockMixerTests
{
    private const int Words = Argon2Memory.BlockWords;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Mix_AnyBlocks_IsTheSameByEveryInstructionSet(bool accumulate)
    {
        for (int round = 0; round < 50; round++)
        {
            ulong[] blocks = Blocks($"mix {round}");
            Assert.All(Supported, mixing => Assert.Equal(
                Mix(BlockMixing.Portable, blocks, target: 2, accumulate), Mix(mixing, blocks, target: 2, accumulate)));
        }
    }

    [Fact]
    public void Mix_TargetIsTheReference_IsTheSameAsApart()
    {
        ulong[] blocks = Blocks("in place");
        Assert.All(Supported, mixing => Assert.Equal(
            Mix(mixing, blocks, target: 2, accumulate: false), Mix(mixing, blocks, target: 1, accumulate: false)));
    }

    [Fact]
    public void Mix_ExtremeWords_IsTheSameByEveryInstructionSet()
    {
        ulong[] blocks = [.. Enumerable.Repeat(ulong.MaxValue, Words), .. Enumerable.Repeat(0UL, Words), .. new ulong[2 * Words]];
        Assert.All(Supported, mixing => Assert.Equal(
            Mix(BlockMixing.Portable, blocks, target: 2, accumulate: false), Mix(mixing, blocks, target: 2, accumulate: false)));
    }

    [Fact]
    public void Best_OnThisMachine_IsSupported() => Assert.True(BlockMixer.IsSupported(BlockMixer.Best));

    [Fact]
    public void Erase_FilledMemory_IsZero()
    {
        using var memory = new Argon2Memory(3);
        new Span<ulong>(memory.Block(0), 3 * Words).Fill(ulong.MaxValue);

        memory.Erase();

        Assert.Equal(new ulong[3 * Words], new Span<ulong>(memory.Block(0), 3 * Words).ToArray());
    }

    private static IEnumerable<BlockMixing> Supported => Enum.GetValues<BlockMixing>().Where(BlockMixer.IsSupported);

    private static ulong[] Blocks(string seed) =>
        MemoryMarshal.Cast<byte, ulong>(RepeatableBytes.Of(seed, 4 * Argon2Memory.BlockSize)).ToArray();

    private static ulong[] Mix(BlockMixing mixing, ulong[] blocks, int target, bool accumulate)
    {
        using var memory = new Argon2Memory(4);
        blocks.CopyTo(new Span<ulong>(memory.Block(0), 4 * Words));
        BlockMixer.For(mixing)(memory.Block(0), memory.Block(1), memory.Block(target), memory.Block(3), accumulate);
        return new Span<ulong>(memory.Block(target), Words).ToArray();
    }
}
