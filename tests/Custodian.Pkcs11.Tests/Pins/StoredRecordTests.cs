using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Sealing;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Pins;

/// <summary>
/// Somebody has the PIN, the live HSM and the node's database: what a stored record gives, whatever is asked of the module. The key is
/// not in it; what the key evaluates to is, as often as they like.
/// </summary>
public sealed class StoredRecordTests : IClassFixture<SoftHsmWithKeys>, IAsyncLifetime, IDisposable
{
    private static readonly byte[] Aad = [7];
    private static readonly byte[] Share = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly byte[] KnownValue = [.. Enumerable.Range(100, 32).Select(i => (byte)i)];

    private readonly SoftHsmWithKeys token;
    private byte[] record = [];
    private byte[] expected = [];
    private TokenConnection? connection;
    private Pkcs11Session? session;
    private nuint wrap;
    private byte[] wrapped = [];

    public StoredRecordTests(SoftHsmWithKeys token) => this.token = token;

    private Pkcs11Session Session => session!;

    public async Task InitializeAsync()
    {
        await using (var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None))
        {
            using var first = await hsm.AdmitAsync(CancellationToken.None);
            using var second = await hsm.AdmitAsync(CancellationToken.None);
            var prepared = await hsm.PrepareAsync(first!, P256.Generator, long.MaxValue, Aad);
            (record, expected) = ((await hsm.AdoptAsync(second!, prepared.SealedKey, 0, Aad, Share, Aad)).SealedRecord!, prepared.Evaluated);
        }
        connection = TokenConnection.Open(token.Options());
        session = connection.OpenSession(readWrite: true);
        wrap = Find(TokenKeyNames.Wrap, Cko.SecretKey);
        wrapped = OpenRecord();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        session?.Dispose();
        connection?.Dispose();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(null, null)]
    [InlineData(null, true)]
    [InlineData(false, null)]
    public void Unwrap_AsAnythingButSensitiveAndUnextractable_IsRefusedInTheSessionAndInTheToken(bool? sensitive, bool? extractable)
    {
        foreach (var inToken in new[] { false, true })
        {
            using var template = Private(inToken);
            if (sensitive is { } said)
            {
                template.Add(Cka.Sensitive, said);
            }
            if (extractable is { } also)
            {
                template.Add(Cka.Extractable, also);
            }
            Assert.NotEqual(ReturnValue.Ok, PinHolder.Unwrap(Session, Ckm.AesKeyWrapPad, wrap, wrapped, template));
        }
    }

    [Fact]
    public void UnwrappedKey_AskedForInEveryWay_StaysInside()
    {
        var key = Unwrap();
        var value = new byte[256];
        using var known = KnownWrapKey();
        var thief = Session.Create(known);

        Assert.True(Session.ReadFlag(key, Cka.Sensitive));
        Assert.False(Session.ReadFlag(key, Cka.Extractable));
        Assert.Equal(-1, Session.Read(key, Cka.Value, value));
        Assert.NotEqual(ReturnValue.Ok, PinHolder.Set(Session, key, Cka.Extractable, true));
        Assert.NotEqual(ReturnValue.Ok, PinHolder.Set(Session, key, Cka.Sensitive, false));
        foreach (var wrapping in new[] { thief, wrap })
        {
            Assert.NotEqual(ReturnValue.Ok, PinHolder.Wrap(Session, Ckm.AesKeyWrapPad, wrapping, key));
        }
        foreach (var (attribute, loose) in new[] { (Cka.Extractable, true), (Cka.Sensitive, false) })
        {
            using var template = new AttributeTemplate().Add(Cka.Token, false).Add(attribute, loose);
            Assert.NotEqual(ReturnValue.Ok, PinHolder.Copy(Session, key, template));
        }
    }

    [Fact]
    public void TokensKeys_WrappedUnderAKeyOfTheThiefs_AreRefused()
    {
        using var known = KnownWrapKey();
        var thief = Session.Create(known);

        nuint[] keys = [wrap, Find(TokenKeyNames.Seal, Cko.SecretKey), Find(TokenKeyNames.Audit, Cko.PrivateKey)];

        Assert.All(keys, key => Assert.NotEqual(ReturnValue.Ok, PinHolder.Wrap(Session, Ckm.AesKeyWrapPad, thief, key)));
    }

    /// <summary>The counter is outside the HSM: threat-model.md names this among the residual risks.</summary>
    [Fact]
    public void ResidualRisk_PinHolderAtTheLiveHsm_EvaluatesAsOftenAsTheyLike()
    {
        var x = new byte[Pkcs11Session.CoordinateLength];
        var key = Unwrap();
        for (var guess = 0; guess < 100; guess++)
        {
            Session.DeriveX(key, P256.Generator, x);
            Assert.Equal(expected, x);
        }
    }

    /// <summary>A key must be extractable to be wrapped, and then whoever is in the same process with the PIN can wrap it, too.</summary>
    [Fact]
    public void ResidualRisk_KeyThatIsBeingMade_CanBeWrappedUnderAKeyOfTheThiefs()
    {
        using var known = KnownWrapKey();
        var thief = Session.Create(known);
        var made = Session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate);

        Assert.Equal(ReturnValue.Ok, PinHolder.Wrap(Session, Ckm.AesKeyWrapPad, thief, made.Private));
    }

    private static AttributeTemplate Private(bool inToken) => new AttributeTemplate()
        .Add(Cka.Class, Cko.PrivateKey)
        .Add(Cka.KeyType, Ckk.Ec)
        .Add(Cka.Token, inToken)
        .Add(Cka.Private, true)
        .Add(Cka.Derive, true);

    private static AttributeTemplate KnownWrapKey() => new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.Aes)
        .Add(Cka.Token, false)
        .Add(Cka.Private, true)
        .Add(Cka.Wrap, true)
        .Add(Cka.Value, KnownValue);

    private nuint Find(string label, nuint objectClass) => Assert.Single(Session.Find(TokenKeyTemplates.Search(label, objectClass)));

    private nuint Unwrap() => Session.Unwrap(Ckm.AesKeyWrapPad, wrap, wrapped, RecordKeyTemplates.UnwrappedBy(connection!));

    // The seal key opens for whoever has the PIN: that is what the wrapping inside is for.
    private byte[] OpenRecord()
    {
        var length = SealedBlob.PlaintextLength(EvaluationMode.Hsm, BlobRole.Record, record, out var versions);
        var room = new byte[SealedBlob.RoomFor(length)];
        var seal = Find(TokenKeyNames.Seal, Cko.SecretKey);
        SealedBlob.Open(Session, [new SealKey(versions.Seal, seal, seal)], EvaluationMode.Hsm, BlobRole.Record, record, Aad, room);
        Assert.True(WrappedKeyContent.TryParse(EvaluationMode.Hsm, BlobRole.Record, room.AsSpan(0, length), out var content));
        return content.Wrapped.ToArray();
    }
}
