using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Storage;

/// <summary>Accounts, records and decisions to store.</summary>
internal static class Samples
{
    private static readonly AttemptPolicy NoDelay = new() { FirstDelay = TimeSpan.Zero };

    internal static AccountId NewAccount() =>
        AccountId.Derive(ClientRecord.Set, ClientRecord.Issuer, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)));

    /// <summary>An ACTIVE record with random values throughout.</summary>
    internal static StoredRecord Record(
        AccountId account, ulong generation = 1, int maxAttempts = 5, int envelopeSize = 541, int sealedSize = 300)
    {
        var record = new ClientRecord(generation, maxAttempts: maxAttempts, account: account, envelopeSize: envelopeSize);
        return new StoredRecord
        {
            Header = record.Header,
            SealedPart = RandomNumberGenerator.GetBytes(sealedSize),
            MaskedShareDigest = SHA256.HashData(record.MaskedShare),
            Envelope = record.Envelope,
            DepositSignature = record.DepositSignature(),
            StoredMs = 1_790_000_000_123,
            State = RecordState.Active,
        };
    }

    internal static Decision<StateAnswer> Add(Account account, StoredRecord record) => Decision<StateAnswer>.Write(
        new StateAnswer(record.State, record.AttemptsRemaining), account.Add(record), AuditEvent.Of(AuditKind.Deposited, record));

    internal static Decision<StateAnswer> Destroy(Account account, RecordId id) => account.Find(id) is { } record
        ? Decision<StateAnswer>.Write(
            new StateAnswer(RecordState.Destroyed, 0), account.Destroy(record, DestroyReason.Deleted), AuditEvent.Of(AuditKind.Deleted, record))
        : Decision<StateAnswer>.Refuse(RefusalReason.RecordNotFound);

    internal static Decision<EvaluateGrant> Evaluate(Account account, RecordId id) => EvaluateRule.Decide(
        account, new EvaluateCall(id, AttemptId.Draw(), RandomNumberGenerator.GetBytes(32)), NoDelay, 1_790_000_001_000);

    internal static Task<Decision<StateAnswer>> AddAsync(this IAccountStore store, AccountId account, StoredRecord record) =>
        store.DecidePatientlyAsync(account, a => Add(a, record), CancellationToken.None);

    internal static Task<Decision<StateAnswer>> DestroyAsync(this IAccountStore store, AccountId account, RecordId id) =>
        store.DecideAsync(account, a => Destroy(a, id), CancellationToken.None);

    internal static Task<Decision<EvaluateGrant>> EvaluateAsync(this IAccountStore store, AccountId account, RecordId id) =>
        store.DecideAsync(account, a => Evaluate(a, id), CancellationToken.None);

    internal static Task<Account> ReadAsync(this IAccountStore store, AccountId account) => store.ReadAsync(account, CancellationToken.None);

    internal static async Task<List<AuditRow>> ReadAuditAsync(this IAccountStore store, AccountId? account = null, long from = 0)
    {
        // Written out: a bare null would become an empty row, by the conversion from arrays.
        ReadOnlyMemory<byte>? row = account is { } id ? store.RowOf(id) : default(ReadOnlyMemory<byte>?);
        List<AuditRow> rows = [];
        await foreach (AuditRow entry in store.ReadAuditAsync(from, row, CancellationToken.None))
        {
            rows.Add(entry);
        }

        return rows;
    }

    /// <summary>Asserts that every field of a record came back.</summary>
    internal static void AssertSame(StoredRecord expected, StoredRecord found)
    {
        Assert.Equal(expected.Header.Bytes.ToArray(), found.Header.Bytes.ToArray());
        Assert.Equal(expected.Header.Hash.ToArray(), found.Header.Hash.ToArray());
        Assert.Equal(expected.SealedPart.ToArray(), found.SealedPart.ToArray());
        Assert.Equal(expected.MaskedShareDigest.ToArray(), found.MaskedShareDigest.ToArray());
        Assert.Equal(expected.Envelope.ToArray(), found.Envelope.ToArray());
        Assert.Equal(expected.DepositSignature.ToArray(), found.DepositSignature.ToArray());
        Assert.Equal(expected.Replacement?.Replaced, found.Replacement?.Replaced);
        Assert.Equal(expected.Replacement?.Signature.ToArray(), found.Replacement?.Signature.ToArray());
        Assert.Equal(expected.StoredMs, found.StoredMs);
        Assert.Equal(expected.State, found.State);
        Assert.Equal(expected.LastSequence, found.LastSequence);
        Assert.Equal(expected.ConfirmedAttempt, found.ConfirmedAttempt);
        Assert.Equal(expected.ConfirmedSequence, found.ConfirmedSequence);
        Assert.Equal(expected.Charges.Select(Flat), found.Charges.Select(Flat));
    }

    internal static void AssertSame(Account expected, Account found)
    {
        Assert.Equal(expected.HighestGeneration, found.HighestGeneration);
        Assert.Equal(expected.ForgottenGeneration, found.ForgottenGeneration);
        Assert.Equal(expected.Tombstones.AsEnumerable(), found.Tombstones.AsEnumerable());
        Assert.Equal(expected.Records.Length, found.Records.Length);
        foreach ((StoredRecord one, StoredRecord other) in expected.Records.Zip(found.Records))
        {
            AssertSame(one, other);
        }
    }

    private static (AttemptId, string, long, ulong, uint) Flat(Charge charge) =>
        (charge.Attempt, Convert.ToHexString(charge.BlindedDigest.Span), charge.ChargedMs, charge.Sequence, charge.Evaluations);
}
