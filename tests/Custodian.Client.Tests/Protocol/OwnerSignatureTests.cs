using System.Numerics;
using Custodian.Protocol.Wire;

namespace Custodian.Protocol.Tests;

public sealed class OwnerSignatureTests
{
    [Fact]
    public void Message_Deposit_IsThatOfEveryVectorAndItsSignatureVerifies()
    {
        foreach ((VectorCase c, VectorParticipant p) in Participants())
        {
            byte[] body = SignatureBody.Deposit(c.Hex("header_hash"), p.Hex("masked_share"));
            byte[] message = OwnerSignature.Message(SignaturePurpose.Deposit, p.NodeId, c.AccountId, c.RecordId, body);

            Assert.Equal(p.Hex("deposit_message"), message);
            Assert.True(OwnerSignature.Verify(c.Hex("owner_public_key"), message, p.Hex("deposit_signature")));
            Assert.False(OwnerSignature.Verify(c.Hex("confirm_public_key"), message, p.Hex("deposit_signature")));
        }
    }

    [Fact]
    public void Message_Confirm_IsThatOfEveryVectorAndItsSignatureVerifies()
    {
        foreach ((VectorCase c, VectorParticipant p) in Participants())
        {
            byte[] body = SignatureBody.Confirm(p.AttemptId, p.Sequence);
            byte[] message = OwnerSignature.Message(SignaturePurpose.Confirm, p.NodeId, c.AccountId, c.RecordId, body);

            Assert.Equal(p.Hex("confirm_message"), message);
            Assert.True(OwnerSignature.Verify(c.Hex("confirm_public_key"), message, p.Hex("confirm_signature")));
            Assert.False(OwnerSignature.Verify(c.Hex("owner_public_key"), message, p.Hex("confirm_signature")));
        }
    }

    [Theory]
    [InlineData(SignaturePurpose.Deposit, "deposit")]
    [InlineData(SignaturePurpose.Replace, "replace")]
    [InlineData(SignaturePurpose.Activate, "activate")]
    [InlineData(SignaturePurpose.Confirm, "confirm")]
    [InlineData(SignaturePurpose.Retire, "retire")]
    [InlineData(SignaturePurpose.Delete, "delete")]
    internal void Message_EveryPurpose_BeginsWithItsName(SignaturePurpose purpose, string name)
    {
        VectorCase c = Vectors.First;
        byte[] message = OwnerSignature.Message(purpose, c.Participants[0].NodeId, c.AccountId, c.RecordId, []);

        Assert.Equal(new LengthPrefixed("custodian/v1 signature").Lp(name).ToArray(), message.AsSpan(0, 22 + 4 + name.Length));
    }

    [Fact]
    public void SignatureBody_EveryPurpose_IsThatOfTheTable()
    {
        byte[] hash = new RepeatableBytes("hash").Next(32);

        Assert.Equal(hash, SignatureBody.Replace(hash));
        Assert.Equal(hash, SignatureBody.Activate(hash));
        Assert.Equal(hash, SignatureBody.Retire(hash));
        Assert.Equal([1, .. hash], SignatureBody.Delete(RecordState.Pending, hash));
        Assert.Equal([3, .. hash], SignatureBody.Delete(RecordState.Superseded, hash));
        Assert.Throws<ArgumentOutOfRangeException>(() => SignatureBody.Activate(new byte[31]));
    }

    [Fact]
    public void Sign_ThenVerify_HoldsForThatMessageAlone()
    {
        VectorCase c = Vectors.First;
        using SigningKey key = SigningKey.Create(c.Hex("owner_private_key"));
        byte[] message = new RepeatableBytes("message").Next(200);
        byte[] signature = key.Sign(message);
        byte[] other = [.. message];
        other[17] ^= 4;

        Assert.Equal(OwnerSignature.Size, signature.Length);
        Assert.True(OwnerSignature.Verify(key.PublicKey, message, signature));
        Assert.False(OwnerSignature.Verify(key.PublicKey, other, signature));
    }

    [Fact]
    public void Verify_AnyBitOfTheSignatureFlipped_IsFalse()
    {
        (byte[] publicKey, byte[] message, byte[] signature) = Signed();
        for (int bit = 0; bit < 8 * signature.Length; bit++)
        {
            byte[] flipped = [.. signature];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));

            Assert.False(OwnerSignature.Verify(publicKey, message, flipped));
        }
    }

    [Fact]
    public void Verify_SignatureOfAWrongLength_IsFalse()
    {
        (byte[] publicKey, byte[] message, byte[] signature) = Signed();
        for (int length = 0; length <= 130; length++)
        {
            byte[] resized = new byte[length];
            signature.AsSpan(0, Math.Min(length, signature.Length)).CopyTo(resized);

            Assert.Equal(length == OwnerSignature.Size, OwnerSignature.Verify(publicKey, message, resized));
        }
    }

    [Fact]
    public void Verify_HalfOutsideOneToTheOrderMinusOne_IsFalse()
    {
        (byte[] publicKey, byte[] message, byte[] signature) = Signed();
        byte[][] outside = [new byte[32], ReferenceCurve.Bytes(ReferenceCurve.Q), ReferenceCurve.Bytes((BigInteger.One << 256) - 1)];
        foreach (byte[] half in outside)
        {
            Assert.False(OwnerSignature.Verify(publicKey, message, [.. half, .. signature.AsSpan(32)]));
            Assert.False(OwnerSignature.Verify(publicKey, message, [.. signature.AsSpan(0, 32), .. half]));
            Assert.False(OwnerSignature.Verify(publicKey, message, [.. half, .. half]));
        }
    }

    [Fact]
    public void Verify_KeyThatIsNoPoint_IsFalse()
    {
        (byte[] publicKey, byte[] message, byte[] signature) = Signed();
        byte[][] keys =
        [
            [], [2], new byte[33], publicKey[..32], [.. publicKey, 0], [4, .. publicKey[1..]], [.. publicKey[..1], .. ReferenceCurve.Bytes(1)],
            [2, .. Enumerable.Repeat((byte)0xff, 32)], ReferenceCurve.Generator.Uncompressed(),
        ];

        Assert.All(keys, key => Assert.False(OwnerSignature.Verify(key, message, signature)));
        Assert.False(OwnerSignature.Verify([(byte)(publicKey[0] ^ 1), .. publicKey[1..]], message, signature));
    }

    [Fact]
    public void Verify_RandomBytes_NeverThrows()
    {
        RepeatableBytes random = new("hostile");
        (byte[] publicKey, byte[] message, byte[] signature) = Signed();
        for (int i = 0; i < Effort.Times(500, 5_000); i++)
        {
            Assert.False(OwnerSignature.Verify(random.Next(33), message, signature));
            Assert.False(OwnerSignature.Verify(publicKey, message, random.Next(64)));
            Assert.False(OwnerSignature.Verify(random.Next(random.NextInt(70)), random.Next(random.NextInt(9)), random.Next(random.NextInt(70))));
        }
    }

    [Fact]
    public void TryCreate_ScalarOutOfRange_IsFalse()
    {
        Assert.False(SigningKey.TryCreate(new byte[32], out _));
        Assert.False(SigningKey.TryCreate(ReferenceCurve.Bytes(ReferenceCurve.Q), out _));
        Assert.False(SigningKey.TryCreate(new byte[31], out _));
        Assert.True(SigningKey.TryCreate(ReferenceCurve.Bytes(1), out SigningKey? key));
        key.Dispose();
    }

    private static (byte[] PublicKey, byte[] Message, byte[] Signature) Signed()
    {
        VectorCase c = Vectors.First;
        VectorParticipant p = c.Participants[0];
        return (c.Hex("owner_public_key"), p.Hex("deposit_message"), p.Hex("deposit_signature"));
    }

    private static IEnumerable<(VectorCase Case, VectorParticipant Participant)> Participants() =>
        Vectors.Cases.SelectMany(c => c.Participants, (c, p) => (c, p));
}
