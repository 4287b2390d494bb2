using Custodian.Node.Commands;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Node.Tests.Api.Node;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Tests;

namespace Custodian.Node.Tests.Keys;

/// <summary>Keys that somebody planted, and a list of the node's keys that somebody edited, beside a node that serves.</summary>
public sealed class KeyListWatchTests : IAsyncLifetime
{
    private SealedNode _node = null!;

    public async Task InitializeAsync() => _node = await SealedNode.OpenAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Watch_KeyThatSomebodyPlanted_TakesNothingNewAndIsSaidOnce()
    {
        await _node.AddAsync(1);
        TokenKey planted = TokenVersions.MakeInSoftHsm(KeyPurpose.Seal, 2);

        await using (_node.Watch(interval: TimeSpan.FromMilliseconds(10)))
        {
            await Eventually.HoldsAsync(() => _node.Log.Lines.Any(l => l.Contains("wants a look", StringComparison.Ordinal)));
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        }

        string said = Assert.Single(_node.Log.TakeWarnings());
        Assert.Contains("custodian/seal/2", said, StringComparison.Ordinal);
        Assert.Contains(planted.Identity, said, StringComparison.Ordinal);
        Assert.Contains("the database does not list it", said, StringComparison.Ordinal);
        Assert.DoesNotContain("remove", said, StringComparison.Ordinal);
        await _node.AddAsync(1);
        Assert.Equal(2, (await _node.UseAsync()).Under(KeyPurpose.Seal, 1));
        Assert.Empty(await _node.FindingsOfKeysAsync());
    }

    public static TheoryData<string> Edits =>
    [
        "DELETE FROM key_list",
        "UPDATE key_list SET mac = zeroblob(32)",
        "UPDATE key_list SET list = zeroblob(4)",
        "UPDATE key_list SET list = CAST(list || x'01000000020100000000' AS BLOB)",
    ];

    [Theory]
    [MemberData(nameof(Edits))]
    public async Task Watch_ListThatSomebodyEdited_GoesOnWithTheKeysItHasAndSaysSoOnce(string sql)
    {
        SealedRecord record = await _node.AddAsync();
        uint version = await _node.RotateSealAsync(mayReseal: false);
        _node.Tamper(sql);

        await using (_node.Watch())
        {
            await Eventually.HoldsAsync(() => _node.Log.Lines.Any(l => l.Contains("goes on with the keys that it has", StringComparison.Ordinal)));
            await _node.AddAsync();
        }

        Assert.Contains("key_list", Assert.Single(_node.Log.TakeWarnings()), StringComparison.Ordinal);
        Assert.Equal(1, (await _node.UseAsync()).Under(KeyPurpose.Seal, version));
        await _node.AssertEvaluatesAsync(record);
        Finding found = Assert.Single(await _node.FindingsOfKeysAsync());
        Assert.Equal(("key", "key_list"), (found.Part, found.Record));
    }

    /// <summary>It is one that the node wrote, and yet not the newest.</summary>
    [Fact]
    public async Task Read_OlderListPutBack_IsRefusedAndFoundByWhatIsUnderTheNewerKey()
    {
        await _node.AddAsync(2);
        string older = _node.PutBackOfTheList();
        uint version = await _node.RotateSealAsync();
        await using (_node.Watch())
        {
            await _node.ResealedAsync(version);
            Assert.Empty(_node.Log.TakeWarnings());
        }

        _node.Tamper(older);
        KeyStanding standing = await KeyStanding.ReadAsync(_node.Store, _node.Hsm, CancellationToken.None);

        Assert.Contains("the node's secrets are under custodian/seal/2", standing.Refusal, StringComparison.Ordinal);
        Finding found = Assert.Single(await _node.FindingsOfKeysAsync());
        Assert.Equal("custodian/seal/2", found.Record);
        Assert.Contains("2 records are under it, and the list of the node's keys does not name it", found.What, StringComparison.Ordinal);
    }

    /// <summary>Before anything is under the newer key only a node that has seen it can tell.</summary>
    [Fact]
    public async Task Watch_OlderListPutBackBesideARunningNode_IsNotTaken()
    {
        string older = _node.PutBackOfTheList();
        uint version = await _node.RotateSealAsync(mayReseal: false);
        await using KeyWatch watch = _node.Watch(interval: TimeSpan.FromMilliseconds(50));
        await Eventually.HoldsAsync(async () => (await _node.UseAsync()).FirstUseMs.ContainsKey((KeyPurpose.Seal, version)));

        _node.Tamper(older);
        await Eventually.HoldsAsync(() => _node.Log.Lines.Any(l => l.Contains("has lost keys that it had", StringComparison.Ordinal)));

        await _node.AddAsync();
        Assert.Equal(1, (await _node.UseAsync()).Under(KeyPurpose.Seal, version));
        Assert.Single(_node.Log.TakeWarnings());
    }

    [Fact]
    public async Task Verify_RecordsUnderAKeyThatTheTokenLacks_AreCountedAndPresentOnesAreNotCalledMissing()
    {
        await _node.AddAsync(3);
        using NodeSecrets secrets = await NodeDatabase.OpenSecretsAsync(_node.Options, NodeDatabase.ReadIdentity(_node.Options), _node.Hsm);
        KeyInventory keys = await _node.Hsm.RefreshKeysAsync();
        KeyInventory without = keys with { Fit = [.. keys.Fit.Where(k => k.Purpose != KeyPurpose.Wrap), new TokenKey(KeyPurpose.Wrap, 9, "aa")] };
        VerificationReport gone = new(), unfit = new(), present = new();

        KeyVersionCheck.Run(_node.Options, secrets, without, gone);
        KeyVersionCheck.Run(_node.Options, secrets, without with { Unused = [new UnusedKey("custodian/wrap/1", "it was changed")] }, unfit);
        KeyVersionCheck.Run(_node.Options, secrets, keys, present);

        Assert.Equal("the HSM's token lacks it, and 3 records are under it", Assert.Single(gone.Findings).What);
        Assert.Equal("the token has it, and it is not used: it was changed, and 3 records are under it", Assert.Single(unfit.Findings).What);
        Assert.Empty(present.Findings);
    }

    /// <summary>A database that an older program made, whose keys were authorised by their labels alone.</summary>
    [Fact]
    public async Task Open_DatabaseOfBeforeTheList_ListsItsFirstKeysInTheStepThatBringsItForward()
    {
        SealedRecord record = await _node.AddAsync();
        _node.Tamper("DROP TABLE key_list; DROP TABLE key_uses; PRAGMA user_version = 2");

        await _node.ReopenAsync(migrate: true);

        KeyList list = (await _node.Store.ReadKeyListAsync(CancellationToken.None))!;
        Assert.Equal((await _node.Hsm.RefreshKeysAsync()).InUse, list.Authorised);
        Assert.Null((await KeyStanding.ReadAsync(_node.Store, _node.Hsm, CancellationToken.None)).Refusal);
        await _node.AssertEvaluatesAsync(record);

        // What is planted later is not on it.
        TokenVersions.MakeInSoftHsm(KeyPurpose.Seal, 2);
        Assert.Equal(1U, (await KeyStanding.ReadAsync(_node.Store, _node.Hsm, CancellationToken.None)).Newest(KeyPurpose.Seal));

        // Only in that step: a list that somebody took away stays away.
        _node.Tamper("DELETE FROM key_list");
        await _node.ReopenAsync(migrate: true);
        Assert.Null(await _node.Store.ReadKeyListAsync(CancellationToken.None));
    }

    /// <summary>Where there are later versions, or something is under one, there was a list: the first keys are not taken for the node's by themselves.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Open_ListTakenAwayBySettingTheSchemaBack_ListsNothingAndRefuses(bool isLaterKeyGone)
    {
        SealedRecord record = await _node.AddAsync();
        TokenKey key = await RotateAsync(isLaterKeyGone);
        await _node.AddAsync();
        if (isLaterKeyGone)
        {
            TokenVersions.DestroyInSoftHsm(KeyPurpose.Seal, key.Version);
            await _node.Hsm.RefreshKeysAsync();
        }

        _node.Tamper("DROP TABLE key_list; DROP TABLE key_uses; PRAGMA user_version = 2");
        await _node.ReopenAsync(migrate: true);

        Assert.Empty((await _node.Store.ReadKeyListAsync(CancellationToken.None))!.Keys);
        Assert.Contains("custodian keys adopt", (await KeyStanding.ReadAsync(_node.Store, _node.Hsm, CancellationToken.None)).Refusal, StringComparison.Ordinal);
        await _node.AssertEvaluatesAsync(record);
    }

    /// <summary>The version is destroyed by what authenticated, not by what lies there at another instant.</summary>
    [Fact]
    public async Task AllVerified_VersionsEditedOnceTheirPagesWereVerified_CountsWhatWasVerified()
    {
        await _node.AddAsync(2);
        await _node.RotateSealAsync(mayReseal: false);
        await _node.AddAsync();

        // The version of the seal key, behind the part's length and the first bytes of its header.
        _node.Hsm.OnRefresh = () => _node.Tamper("UPDATE sealed_parts SET part = CAST(substr(part, 1, 8) || x'00000002' || substr(part, 13) AS BLOB)");
        KeyRetirement known = (await KeysRead.AllVerifiedAsync(_node.Options, _node.Store, _node.Hsm, TimeSpan.Zero, TimeProvider.System, _ => false, CancellationToken.None))!;

        Assert.Equal(0, (await _node.UseAsync()).Under(KeyPurpose.Seal, 1));
        Assert.Equal((2L, 1L, 0L), (known.Use.Under(KeyPurpose.Seal, 1), known.Use.Under(KeyPurpose.Seal, 2), known.Use.Unreadable));
        Assert.True(known.Use.HoldsSecrets(KeyPurpose.Seal, 1));
        Assert.Contains(known.Hindrances(KeyPurpose.Seal, 1), h => h.StartsWith("2 records are under it", StringComparison.Ordinal));

        // And the next one finds them.
        Assert.Null(await KeysRead.AllVerifiedAsync(_node.Options, _node.Store, _node.Hsm, TimeSpan.Zero, TimeProvider.System, _ => false, CancellationToken.None));
    }

    /// <summary>What time rules out must be ruled out before the first page is passed: what is stored after that may be in no count.</summary>
    [Fact]
    public async Task AllVerified_StoredAtTheTimeThatItIsOf_IsCounted()
    {
        await _node.AddAsync();
        var clock = new ActingClock(() => _node.AddAsync().GetAwaiter().GetResult());

        KeyRetirement known = (await KeysRead.AllVerifiedAsync(_node.Options, _node.Store, _node.Hsm, TimeSpan.Zero, clock, _ => false, CancellationToken.None))!;

        Assert.Equal(2, known.Use.Under(KeyPurpose.Wrap, 1));
        Assert.Equal(clock.SaidMs, known.AsOfMs);
    }

    /// <summary>What the forced end of an account leaves behind is of no record, and no reason to keep a key for ever.</summary>
    [Fact]
    public async Task AllVerified_PartThatBelongsToNoRecord_IsCountedApartAndHidesNothing()
    {
        await _node.AddAsync(2);
        _node.Tamper("INSERT INTO sealed_parts (slot, part) SELECT 99, part FROM sealed_parts WHERE slot = 1");
        VerificationReport seen = new();

        KeyRetirement known = (await KeysRead.AllVerifiedAsync(
            _node.Options, _node.Store, _node.Hsm, TimeSpan.Zero, TimeProvider.System, report => (seen = report) is not null, CancellationToken.None))!;

        Assert.Equal(2, known.Use.Under(KeyPurpose.Wrap, 1));
        Assert.Equal(KeyValuePair.Create(new BlobVersions(1, 1), 1L), Assert.Single(seen.StrayUnder));
        Assert.Equal((1, true), (seen.FindingCount, seen.LeavesKnownWhatIsUnder("custodian/wrap/1")));
    }

    [Fact]
    public async Task Watch_LooksThatFailForLong_AreSaidOnce()
    {
        int looks = 0;
        _node.Hsm.OnRefresh = () =>
        {
            looks++;
            throw new HsmException(HsmErrorClass.Fatal, 0x30, "C_FindObjects", "The device is away.");
        };

        await using (_node.Watch(interval: TimeSpan.FromMilliseconds(10)))
        {
            await Eventually.HoldsAsync(() => looks > 30);
        }

        Assert.Contains("The device is away", Assert.Single(_node.Log.TakeWarnings()), StringComparison.Ordinal);
    }

    /// <summary>A proof of a clone tries the newest versions; a label and a CKA_ID can be given to any key.</summary>
    [Fact]
    public async Task Untried_VersionsThatTheProofHasNothingUnder_AreNamed()
    {
        SealedRecord record = await _node.AddAsync();
        uint version = await _node.RotateSealAsync(mayReseal: false);
        KeyInventory keys = await _node.Hsm.RefreshKeysAsync();
        var proof = new CloneProof
        {
            Format = 2,
            NodeId = "node-a",
            TokenSerial = "1",
            Keys = keys.Fit,
            AuditPublicKey = keys.SigningPoint.ToArray(),
            SealedSecret = await _node.Hsm.SealAsync(new byte[1], new byte[1]),
            SecretSha256 = [],
            SealedRecord = record.Record.SealedPart.ToArray(),
            EvaluatedSha256 = [],
        };

        Assert.Equal(2U, version);
        Assert.Equal(["custodian/seal/1"], proof.Untried);
        Assert.Empty((proof with { Keys = keys.InUse }).Untried);
    }

    private async Task<TokenKey> RotateAsync(bool isUsed)
    {
        if (!isUsed)
        {
            return TokenVersions.MakeInSoftHsm(KeyPurpose.Seal, 2);
        }

        await _node.RotateSealAsync(mayReseal: false);
        return (await _node.Hsm.RefreshKeysAsync()).Used(KeyPurpose.Seal);
    }

    /// <summary>Somebody does something whenever it is asked for the time.</summary>
    private sealed class ActingClock(Action act) : TimeProvider
    {
        internal long SaidMs { get; private set; }

        public override DateTimeOffset GetUtcNow()
        {
            act();
            DateTimeOffset now = base.GetUtcNow();
            SaidMs = now.ToUnixTimeMilliseconds();
            return now;
        }
    }
}
