using System.Security.Cryptography;
using Custodian.Core;
using Custodian.Protocol;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Tests.Records;

/// <summary>A record as a client makes it, with its keys: header, share and envelope for one node, and every signature over them.</summary>
internal sealed class ClientRecord
{
    internal static readonly NodeId Node = NodeId.Parse("node-a.example");
    internal static readonly SetId Set = SetId.Parse("acme-prod");
    internal const string Issuer = "https://login.acme.example";
    internal const string Subject = "user-0017";

    internal ClientRecord(ulong generation, RecordId? id = null, int maxAttempts = 5, AccountId? account = null, int envelopeSize = 285)
    {
        Envelope = RandomNumberGenerator.GetBytes(envelopeSize);
        Account = account ?? AccountId.Derive(Set, Issuer, Subject);
        Fields = new HeaderFields
        {
            SetId = Set,
            AccountId = Account,
            RecordId = id ?? RecordId.Draw(),
            Generation = generation,
            CreatedUnixMs = 1_790_000_000_000,
            Threshold = 2,
            Participants = [new(Node, 1), new(NodeId.Parse("node-b.example"), 2), new(NodeId.Parse("node-c.example"), 3)],
            Kdf = new StretchParameters([.. RandomNumberGenerator.GetBytes(16)], 65536, 3, 4),
            Commitment = RandomNumberGenerator.GetBytes(32),
            OwnerPublicKey = Owner.PublicKey.ToArray(),
            ConfirmPublicKey = Confirmer.PublicKey.ToArray(),
            MaxAttempts = maxAttempts,
            EnvelopeDigest = SHA256.HashData(Envelope),
        };
        Header = Header.Create(Fields);
    }

    internal AccountId Account { get; }

    internal SigningKey Owner { get; } = NewKey();

    internal SigningKey Confirmer { get; } = NewKey();

    internal HeaderFields Fields { get; }

    internal Header Header { get; }

    internal RecordId Id => Header.RecordId;

    internal byte[] MaskedShare { get; } = RandomNumberGenerator.GetBytes(32);

    internal byte[] Envelope { get; }

    internal static SigningKey NewKey()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return SigningKey.Create(key.ExportParameters(includePrivateParameters: true).D);
    }

    /// <summary>A Deposit of this record, replacing another under that one's owner key, or none.</summary>
    internal Deposit Deposit(ClientRecord? replaced = null, RecordId? replacesPending = null) => new()
    {
        Header = Header,
        MaskedShare = MaskedShare,
        Envelope = Envelope,
        DepositSignature = DepositSignature(),
        Replacement = replaced is null ? null : new Replacement(replaced.Id, ReplaceSignature(replaced)),
        ReplacesPending = replacesPending,
    };

    internal byte[] DepositSignature() => Sign(Owner, SignaturePurpose.Deposit, SignatureBody.Deposit(Header.Hash.Span, MaskedShare));

    internal byte[] ReplaceSignature(ClientRecord replaced) => Sign(replaced.Owner, SignaturePurpose.Replace, SignatureBody.Replace(Header.Hash.Span));

    internal SignedCall Activate() => new(Id, Sign(Owner, SignaturePurpose.Activate, SignatureBody.Activate(Header.Hash.Span)));

    internal SignedCall Retire(ClientRecord active) => new(Id, Sign(active.Owner, SignaturePurpose.Retire, SignatureBody.Retire(Header.Hash.Span)));

    internal ConfirmCall Confirm(AttemptId attempt, ulong sequence) =>
        new(Id, attempt, sequence, Sign(Confirmer, SignaturePurpose.Confirm, SignatureBody.Confirm(attempt, sequence)));

    internal DeleteCall Delete(RecordState believed) =>
        new(Id, believed, Sign(Owner, SignaturePurpose.Delete, SignatureBody.Delete(believed, Header.Hash.Span)));

    internal byte[] Sign(SigningKey key, SignaturePurpose purpose, byte[] body, NodeId? node = null, AccountId? account = null, RecordId? record = null) =>
        key.Sign(OwnerSignature.Message(purpose, node ?? Node, account ?? Account, record ?? Id, body));
}
