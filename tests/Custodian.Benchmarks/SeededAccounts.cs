using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using System.Text;
using Custodian.Core;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Node.Api.Calls;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Benchmarks;

/// <summary>
/// Accounts put into a stopped node's database by its own store, each with a record that the HSM sealed for it. One wrapped key and one pair
/// of owner keys serve all: making a million takes the HSM longer than anybody waits.
/// </summary>
internal static class SeededAccounts
{
    private const int RowsPerCommit = 1024;
    private const int UnderWay = 512;
    private const long StoredMs = 1_790_000_000_000;

    internal static string SubjectOf(int number) => FormattableString.Invariant($"seeded-{number}");

    internal static (AccountId Account, RecordId Record) NamesOf(Realm realm, string subject) => (
        AccountId.Derive(SetId.Parse(realm.SetId), realm.Issuer.Name, subject),
        RecordId.Read(SHA256.HashData(Encoding.UTF8.GetBytes(subject)).AsSpan(0, RecordId.Size)));

    internal static async Task SeedAsync(Realm realm, NodeProcess node, int count)
    {
        await using SqliteAccountStore store = await OpenAsync(node);
        using var bare = new BareHsm(node, Environment.ProcessorCount);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using SigningKey owner = SigningKey.Create(key.ExportParameters(includePrivateParameters: true).D);
        await Task.WhenAll(Enumerable.Range(0, bare.Sessions).Select(session => Task.Run(async () =>
        {
            Queue<Task> writes = [];
            for (int number = session; number < count; number += bare.Sessions)
            {
                (AccountId account, RecordId record) = NamesOf(realm, SubjectOf(number));
                byte[] context = HsmContext.OfRecord(store.Node, store.RowOf(account).Span, record);
                StoredRecord stored = Record(realm, store.Node, account, record, owner.PublicKey.ToArray(), bare.SealFor(session, context));
                writes.Enqueue(store.DecidePatientlyAsync(
                    account,
                    a => Decision<StateAnswer>.Write(
                        new StateAnswer(stored.State, stored.AttemptsRemaining), a.Add(stored), AuditEvent.Of(AuditKind.Deposited, stored)),
                    CancellationToken.None));
                if (writes.Count == UnderWay)
                {
                    await writes.Dequeue();
                }
            }

            await Task.WhenAll(writes);
        })));
    }

    /// <summary>The HSM opens the node's secrets for the store, and is let go: a process uses a token once at a time.</summary>
    private static async Task<SqliteAccountStore> OpenAsync(NodeProcess node)
    {
        BareHsm.UseToken(node);
        using var pin = new HsmPin(File.ReadAllBytes(Path.Combine(node.Folder, "pin")));
        await using Pkcs11Hsm hsm = await Pkcs11Hsm.OpenAsync(
            new Pkcs11HsmOptions { ModulePath = NodeProcess.SoftHsm, TokenLabel = "custodian", Pin = pin }, CancellationToken.None);
        await using ServiceProvider metering = new ServiceCollection().AddMetrics().BuildServiceProvider();
        return await SqliteAccountStore.OpenAsync(
            new SqliteStoreOptions { Path = node.DatabaseFile, BatchSize = RowsPerCommit },
            hsm,
            new StoreMetrics(metering.GetRequiredService<IMeterFactory>()),
            TimeProvider.System,
            NullLogger<SqliteAccountStore>.Instance);
    }

    private static StoredRecord Record(Realm realm, NodeId node, AccountId account, RecordId record, byte[] publicKey, byte[] sealedPart)
    {
        byte[] envelope = new byte[300];
        return new StoredRecord
        {
            Header = Header.Create(new HeaderFields
            {
                SetId = SetId.Parse(realm.SetId), AccountId = account, RecordId = record, Generation = 1, CreatedUnixMs = StoredMs, Threshold = 1,
                Participants = [new HeaderParticipant(node, 1)], Kdf = StretchParameters.ForNewRecord(new byte[16]), Commitment = new byte[32],
                OwnerPublicKey = publicKey, ConfirmPublicKey = publicKey, MaxAttempts = 100, EnvelopeDigest = SHA256.HashData(envelope),
            }),
            SealedPart = sealedPart,
            MaskedShareDigest = new byte[32],
            Envelope = envelope,
            DepositSignature = new byte[64],
            StoredMs = StoredMs,
            State = RecordState.Active,
        };
    }
}
