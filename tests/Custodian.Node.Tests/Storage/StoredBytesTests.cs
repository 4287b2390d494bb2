using System.Buffers.Binary;
using System.Collections.Immutable;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Storage;

/// <summary>What the database's columns hold, broken in thousands of ways: it is refused, or is what it would be written as.</summary>
public sealed class StoredBytesTests
{
    private static int Rounds => Effort.Times(4_000, 400_000);

    [Fact]
    public void Body_Mutated_IsRefusedOrEncodesToTheSameBytes()
    {
        byte[] good = RecordBody.Of(Samples.Record(Samples.NewAccount())).Encode();
        Assert.Equal(good, RecordBody.Decode(good).Encode());

        Holds(good, "rows/body", bytes => RecordBody.Decode(bytes).Encode());
    }

    [Fact]
    public void Body_WithAReplacementMutated_IsRefusedOrEncodesToTheSameBytes()
    {
        RecordBody body = RecordBody.Of(Samples.Record(Samples.NewAccount())) with { Replacement = new Replacement(RecordId.Draw(), new byte[64]) };

        Holds(body.Encode(), "rows/replacing body", bytes => RecordBody.Decode(bytes).Encode());
    }

    [Theory]
    [InlineData(0x7fffffffu)]
    [InlineData(0x80000000u)]
    [InlineData(0xffffffffu)]
    public void Body_LengthBeyondItsEnd_IsRefused(uint length)
    {
        byte[] body = RecordBody.Of(Samples.Record(Samples.NewAccount())).Encode();
        BinaryPrimitives.WriteUInt32BigEndian(body, length);

        Assert.Throws<FormatException>(() => RecordBody.Decode(body));
    }

    [Fact]
    public void Charges_Mutated_AreRefusedOrEncodeToTheSameBytes()
    {
        ImmutableArray<Charge> charges =
            [.. Enumerable.Range(1, 3).Select(i => new Charge(AttemptId.Draw(), new byte[32], i, (ulong)i, 1))];

        Holds(ListColumns.Encode(charges), "rows/charges", bytes => ListColumns.Encode(ListColumns.DecodeCharges(bytes)));
    }

    [Fact]
    public void Tombstones_Mutated_AreRefusedOrEncodeToTheSameBytes()
    {
        ImmutableArray<Tombstone> tombstones =
            [.. Enumerable.Range(1, 3).Select(i => new Tombstone(RecordId.Draw(), (ulong)i, DestroyReason.Deleted))];

        Holds(ListColumns.Encode(tombstones), "rows/tombstones", bytes => ListColumns.Encode(ListColumns.DecodeTombstones(bytes)));
    }

    private static void Holds(byte[] good, string purpose, Func<byte[], byte[]> again)
    {
        Assert.Equal(good, again(good));
        int refused = 0;
        foreach (byte[] mutant in Mutants.Of(good, Rounds, purpose))
        {
            try
            {
                Assert.Equal(mutant, again(mutant));
            }
            catch (FormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, Rounds);
    }
}
