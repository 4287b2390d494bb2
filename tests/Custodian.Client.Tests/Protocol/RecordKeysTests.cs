namespace Custodian.Protocol.Tests;

public sealed class RecordKeysTests
{
    [Fact]
    public void Derive_EveryVector_GivesItsKeys()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            using RecordKeys keys = RecordKeys.Derive(c.Hex("recovery_key"), c.RecordId);
            byte[] confirmPublicKey = new byte[P256.CompressedSize];
            P256.PublicKey(c.Hex("confirm_private_key"), confirmPublicKey);

            Assert.Equal(c.Hex("envelope_key"), keys.EnvelopeKey);
            Assert.Equal(c.Hex("commitment"), keys.Commitment);
            Assert.Equal(c.Hex("owner_private_key"), keys.OwnerPrivateKey);
            Assert.Equal(c.Hex("owner_public_key"), keys.Owner.PublicKey);
            Assert.Equal(c.Hex("confirm_public_key"), keys.Confirm.PublicKey);
            Assert.Equal(c.Hex("confirm_public_key"), confirmPublicKey);
        }
    }

    [Fact]
    public void TryDerive_TheRecoveryKeyOfTheHeader_GivesItsKeys()
    {
        foreach (VectorCase c in Vectors.Cases)
        {
            Assert.True(RecordKeys.TryDerive(c.Hex("recovery_key"), c.Header(), out RecordKeys? keys));
            using (keys)
            {
                Assert.Equal(c.Hex("envelope_key"), keys.EnvelopeKey);
            }
        }
    }

    [Fact]
    public void TryDerive_AnotherRecoveryKeyOrRecord_IsFalse()
    {
        VectorCase c = Vectors.First;
        byte[] wrong = c.Hex("recovery_key");
        wrong[31] ^= 1;
        Header otherRecord = Header.Create(c.HeaderFields() with { RecordId = RecordId.Read(new byte[16]) });

        Assert.False(RecordKeys.TryDerive(wrong, c.Header(), out _));
        Assert.False(RecordKeys.TryDerive(c.Hex("recovery_key"), otherRecord, out _));
    }

    [Fact]
    public void TryDerive_HeaderWithTheCommitmentButOtherKeys_IsFalse()
    {
        VectorCase c = Vectors.First;
        HeaderFields fields = c.HeaderFields();
        byte[] other = ReferenceCurve.Generator.Compressed();

        Assert.False(RecordKeys.TryDerive(c.Hex("recovery_key"), Header.Create(fields with { OwnerPublicKey = other }), out _));
        Assert.False(RecordKeys.TryDerive(c.Hex("recovery_key"), Header.Create(fields with { ConfirmPublicKey = other }), out _));
    }

    [Fact]
    public void Dispose_Keys_CannotBeReadAnyMore()
    {
        VectorCase c = Vectors.First;
        RecordKeys keys = RecordKeys.Derive(c.Hex("recovery_key"), c.RecordId);
        keys.Dispose();

        Assert.Throws<ObjectDisposedException>(() => keys.EnvelopeKey.Length);
        Assert.Throws<ObjectDisposedException>(() => keys.OwnerPrivateKey.Length);
        Assert.Throws<ObjectDisposedException>(() => keys.Owner.Sign([1]));
        Assert.Throws<ObjectDisposedException>(() => keys.Confirm.Sign([1]));
    }

    [Fact]
    public void Dispose_KeysReadBefore_AreZeroed()
    {
        VectorCase c = Vectors.First;
        RecordKeys keys = RecordKeys.Derive(c.Hex("recovery_key"), c.RecordId);
        ReadOnlySpan<byte> envelopeKey = keys.EnvelopeKey;
        ReadOnlySpan<byte> owner = keys.OwnerPrivateKey;
        keys.Dispose();

        Assert.Equal(new byte[32], envelopeKey);
        Assert.Equal(new byte[32], owner);
    }

    [Fact]
    public void ToString_Keys_ShowsNothing()
    {
        VectorCase c = Vectors.First;
        using RecordKeys keys = RecordKeys.Derive(c.Hex("recovery_key"), c.RecordId);

        Assert.Equal("[record keys]", keys.ToString());
        Assert.Equal("[signing key]", keys.Owner.ToString());
    }

    [Fact]
    public void Derive_RecoveryKeyOfAnotherLength_IsMisuse() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RecordKeys.Derive(new byte[31], Vectors.First.RecordId));
}
