using Custodian.Core;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Tests.Keys;

/// <summary>What is under an older seal key is brought under the newest beside everything else, and nothing is lost by it.</summary>
public sealed class ResealingTests : IAsyncLifetime
{
    private SealedNode _node = null!;

    public async Task InitializeAsync() => _node = await SealedNode.OpenAsync();

    public async Task DisposeAsync()
    {
        string[] warnings = [.. _node.Log.TakeWarnings()];
        await _node.DisposeAsync();
        Assert.Empty(warnings);
    }

    [Fact]
    public async Task Watch_NewSealKey_BringsRecordsAndSecretsUnderItAndKeepsWhatTheyHold()
    {
        List<SealedRecord> records = await _node.AddAsync(12);
        await _node.Store.EvaluateAsync(records[0].Account, records[0].Record.Id);
        StoredRecord charged = (await _node.Store.ReadAsync(records[0].Account)).Records[0];
        uint version = await _node.RotateSealAsync();
        SealedRecord later = await _node.AddAsync();

        await using (_node.Watch())
        {
            await _node.ResealedAsync(version);
        }

        KeyUse use = await _node.UseAsync();
        Assert.Equal((13L, 13L, 0L), (use.Under(KeyPurpose.Seal, 2), use.Under(KeyPurpose.Wrap, 1), use.Unreadable));
        StoredRecord found = (await _node.Store.ReadAsync(records[0].Account)).Records[0];
        Samples.AssertSame(charged with { SealedPart = found.SealedPart }, found);
        foreach (SealedRecord record in records)
        {
            await _node.AssertEvaluatesAsync(record);
            Assert.Equal(AuditKind.Resealed, (await _node.Store.ReadAuditAsync(record.Account))[^1].Entry!.Event.Kind);
        }

        Assert.Single(await _node.Store.ReadAuditAsync(later.Account));
        await _node.AssertSoundAsync(13);
        await _node.ReopenAsync();
        await _node.AssertEvaluatesAsync(records[^1]);
    }

    [Fact]
    public async Task Watch_NothingUnderAnOlderKey_WritesNothingButSinceWhenTheKeysAreInUse()
    {
        await _node.AddAsync(2);

        await using (_node.Watch())
        {
            await Eventually.HoldsAsync(async () => (await _node.UseAsync()).FirstUseMs.Count == 3);
        }

        Assert.Equal(2, (await _node.Store.ReadAuditAsync()).Count);

        // Each start counts: what was in use before it nobody knows. And what somebody wrote there before does not count.
        _node.Tamper("UPDATE key_uses SET first_ms = 1");
        await using (_node.Watch())
        {
            await Eventually.HoldsAsync(() => _node.Log.Lines.Count(l => l.Contains("are under", StringComparison.Ordinal)) == 2);
        }

        Assert.All((await _node.UseAsync()).FirstUseMs.Values, since => Assert.True(since > 1));
    }

    [Fact]
    public async Task Watch_RecordsChangedAndDestroyedMeanwhile_KeepsEveryChange()
    {
        List<SealedRecord> records = await _node.AddAsync(60);
        uint version = await _node.RotateSealAsync();
        SealedRecord[] doomed = [.. records.Where((_, i) => i % 3 == 0)];
        SealedRecord[] charged = [.. records.Except(doomed)];

        await using (_node.Watch())
        {
            await Task.WhenAll(
                Task.WhenAll(charged.Select(r => Task.Run(async () =>
                {
                    for (int i = 0; i < 5; i++)
                    {
                        Assert.NotNull((await _node.Store.EvaluateAsync(r.Account, r.Record.Id)).Answer);
                    }
                }))),
                Task.WhenAll(doomed.Select(r => _node.Store.DestroyAsync(r.Account, r.Record.Id))));
            await _node.ResealedAsync(version);
        }

        foreach (SealedRecord record in charged)
        {
            Assert.Equal(5, (await _node.Store.ReadAsync(record.Account)).Records[0].Charges.Length);
            await _node.AssertEvaluatesAsync(record);
        }

        foreach (SealedRecord record in doomed)
        {
            Assert.Empty((await _node.Store.ReadAsync(record.Account)).Records);
        }

        await _node.AssertSoundAsync(charged.Length);
    }

    [Fact]
    public async Task Watch_StoppedAgainAndAgain_GoesOnAndSealsEachRecordOnce()
    {
        List<SealedRecord> records = await _node.AddAsync(40);
        uint version = await _node.RotateSealAsync();

        for (long left = 40; left > 0;)
        {
            await using (_node.Watch(rate: 400))
            {
                long before = left;
                await Eventually.HoldsAsync(async () => (left = (await _node.UseAsync()).SealedBefore(version)) < before);
            }

            left = (await _node.UseAsync()).SealedBefore(version);
            await _node.ReopenAsync();
        }

        foreach (SealedRecord record in records)
        {
            await _node.AssertEvaluatesAsync(record);
            Assert.Single(await _node.Store.ReadAuditAsync(record.Account), e => e.Entry!.Event.Kind == AuditKind.Resealed);
        }

        await _node.AssertSoundAsync(40);
    }

    [Fact]
    public async Task Watch_HsmFailsAndIsFullMeanwhile_GoesOnWhenItIsBack()
    {
        await _node.AddAsync(8);
        uint version = await _node.RotateSealAsync();
        _node.Hsm.IsFull = true;
        _node.Hsm.FailNext(new HsmException(HsmErrorClass.Fatal, 0x30, "C_Encrypt", "The HSM is away."));

        await using (_node.Watch())
        {
            await Eventually.HoldsAsync(() => _node.Hsm.Admissions > 20);
            Assert.Equal(8, (await _node.UseAsync()).SealedBefore(version));
            _node.Hsm.IsFull = false;
            await _node.ResealedAsync(version);
        }

        Assert.Contains("pauses: The HSM is away", Assert.Single(_node.Log.TakeWarnings()), StringComparison.Ordinal);
        await _node.AssertSoundAsync(8);
    }

    [Theory]
    [InlineData("a part that the HSM does not open")]
    [InlineData("the part of another record")]
    [InlineData("a row that was edited")]
    public async Task Watch_OneRecordIsNotAsTheNodeLeftIt_IsLeftAndSaidOnceAndTheOthersAreBroughtOver(string fault)
    {
        List<SealedRecord> records = await _node.AddAsync(6);
        uint version = await _node.RotateSealAsync();
        await SpoilAsync(fault);

        await using (_node.Watch())
        {
            await _node.ResealedAsync(version, but: 1);

            // Two passes, or more where the watch began in the midst of the change: it warns in the first alone.
            await Eventually.HoldsAsync(() => _node.Log.Lines.Count(l => l.Contains("none that opens is left", StringComparison.Ordinal)) >= 2);
        }

        Assert.Contains("1 records stay under an older seal key", Assert.Single(_node.Log.TakeWarnings()), StringComparison.Ordinal);
        foreach (SealedRecord record in records.Skip(1))
        {
            await _node.AssertEvaluatesAsync(record);
        }
    }

    /// <summary>As when an older seal key, or the row, is brought back long after the second look.</summary>
    [Fact]
    public async Task Watch_RecordThatWasLeftOpensAgain_IsBroughtOverWithoutARestart()
    {
        List<SealedRecord> records = await _node.AddAsync(2);
        uint version = await _node.RotateSealAsync();
        string whole = _node.PutBackOfTheFirstPart();
        await SpoilAsync("a part that the HSM does not open");

        await using (_node.Watch(lookAgain: TimeSpan.FromMilliseconds(100)))
        {
            await Eventually.HoldsAsync(() => _node.Log.Lines.Count(l => l.Contains("none that opens is left", StringComparison.Ordinal)) >= 3);
            _node.Tamper(whole);
            await _node.ResealedAsync(version);
        }

        Assert.Contains("1 records stay under an older seal key", Assert.Single(_node.Log.TakeWarnings()), StringComparison.Ordinal);
        await _node.AssertEvaluatesAsync(records[0]);
        await _node.AssertSoundAsync(2);
    }

    [Fact]
    public async Task Watch_NewSealKeyBeforeTheOperatorSaysReseal_IsThatOfNewRecordsAndTheOldOnesStay()
    {
        await _node.AddAsync(3);
        uint version = await _node.RotateSealAsync(mayReseal: false);
        await _node.AddAsync(1);

        await using (_node.Watch())
        {
            await Eventually.HoldsAsync(async () => (await _node.UseAsync()).FirstUseMs.ContainsKey((KeyPurpose.Seal, version)));
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
            KeyUse before = await _node.UseAsync();
            Assert.Equal((3L, 1L, true), (before.Under(KeyPurpose.Seal, 1), before.Under(KeyPurpose.Seal, version), before.HoldsSecrets(KeyPurpose.Seal, 1)));
            await _node.ListAsync((await _node.Hsm.RefreshKeysAsync()).Used(KeyPurpose.Seal), mayReseal: true);
            await _node.ResealedAsync(version);
        }

        await _node.AssertSoundAsync(4);
    }

    /// <summary>A rotation in the midst of a pass: what the operator allowed is the version before, and the new one has no clone yet.</summary>
    [Fact]
    public async Task Watch_NewerKeyInTheMidstOfAPass_NothingOldGoesUnderItBeforeTheOperatorSaysReseal()
    {
        await _node.AddAsync(30);
        uint second = await _node.RotateSealAsync();
        await using KeyWatch watch = _node.Watch(rate: 40, TimeSpan.FromSeconds(1));
        await Eventually.HoldsAsync(async () => (await _node.UseAsync()).Under(KeyPurpose.Seal, second) > 2);

        // The HSM seals under it before the watch looks again.
        uint third = await _node.RotateSealAsync(mayReseal: false);
        await Eventually.HoldsAsync(async () => (await _node.UseAsync()).FirstUseMs.ContainsKey((KeyPurpose.Seal, third)));
        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        KeyUse held = await _node.UseAsync();
        Assert.Equal((30L, 0L, false), (held.SealedBefore(third), held.Under(KeyPurpose.Seal, third), held.HoldsSecrets(KeyPurpose.Seal, third)));
        Assert.InRange(held.Under(KeyPurpose.Seal, 1), 1, 27);

        await _node.ListAsync((await _node.Hsm.RefreshKeysAsync()).Used(KeyPurpose.Seal), mayReseal: true);
        await _node.ResealedAsync(third);
        await _node.AssertSoundAsync(30);
    }

    [Fact]
    public async Task Watch_SomebodyReadsTheDatabaseMeanwhile_RidsTheLogOfTheFormerPartsOnceTheyAreDone()
    {
        await _node.AddAsync(3);
        uint version = await _node.RotateSealAsync();
        byte[][] former = [.. (await _node.Store.ReadPartsAsync(long.MinValue, CancellationToken.None)).Select(p => p.Part)];
        using var reader = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_node.Options.Path};Pooling=False");
        reader.Open();
        reader.Run("BEGIN");
        reader.Number("SELECT count(*) FROM sealed_parts");

        await using (_node.Watch())
        {
            await _node.ResealedAsync(version);
            Assert.Equal(3, former.Count(InLog));
            reader.Run("COMMIT");

            // Its length would not do: the node may write something else into it afterwards.
            await Eventually.HoldsAsync(() => !former.Any(InLog));
        }

        bool InLog(byte[] part) => File.ReadAllBytes(_node.Options.Path + "-wal").AsSpan().IndexOf(part) >= 0;
    }

    private async Task SpoilAsync(string fault)
    {
        // The first record's slot; the store must not have it in mind.
        string sql = fault switch
        {
            "a row that was edited" => "UPDATE records SET stored_ms = stored_ms + 1 WHERE id = 1",
            "the part of another record" => "UPDATE sealed_parts SET part = (SELECT part FROM sealed_parts WHERE slot = 2) WHERE slot = 1",
            _ => "UPDATE sealed_parts SET part = CAST(substr(part, 1, 30) || x'FF' || substr(part, 32) AS BLOB) WHERE slot = 1",
        };
        await _node.Store.DisposeAsync();
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_node.Options.Path};Pooling=False"))
        {
            connection.Open();
            connection.Run(sql);
        }

        await _node.ReopenAsync();
    }
}
