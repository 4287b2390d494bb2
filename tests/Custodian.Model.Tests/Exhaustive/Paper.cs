using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.Client;
using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Model.Tests.Exhaustive;

/// <summary>A record that a device makes, with a real header and real keys; the same one for every path that makes it alike.</summary>
internal sealed class Paper
{
    private readonly RecordKeys _keys;

    internal Paper(string name, ulong generation, ImmutableArray<Paper> carried, CustodianSet set, AccountId account)
    {
        (Name, Carried) = (name, carried);
        RecordId id = RecordId.Draw();
        _keys = RecordKeys.Derive(RandomNumberGenerator.GetBytes(RecordKeys.RecoveryKeySize), id);
        Envelope = RandomNumberGenerator.GetBytes(Limits.MinEnvelopeSize);
        MaskedShare = RandomNumberGenerator.GetBytes(Limits.ShareSize);
        Header = Header.Create(new HeaderFields
        {
            SetId = set.Id,
            AccountId = account,
            RecordId = id,
            Generation = generation,
            CreatedUnixMs = 0,
            Threshold = set.Threshold,
            Participants = [.. set.Nodes.Select((n, i) => new HeaderParticipant(n.Id, (byte)(i + 1)))],
            Kdf = StretchParameters.ForNewRecord(new byte[Limits.NewSaltSize]),
            Commitment = _keys.Commitment.ToArray(),
            OwnerPublicKey = _keys.Owner.PublicKey.ToArray(),
            ConfirmPublicKey = _keys.Confirm.PublicKey.ToArray(),
            MaxAttempts = 100,
            EnvelopeDigest = Custodian.Protocol.Envelope.Digest(Envelope),
        });
    }

    /// <summary>Whose it is, its generation, and the records whose owner keys it carries: B2+O1.</summary>
    internal string Name { get; }

    /// <summary>The records whose owner keys its envelope carries.</summary>
    internal ImmutableArray<Paper> Carried { get; }

    internal Header Header { get; }

    internal RecordId Id => Header.RecordId;

    internal byte[] Envelope { get; }

    internal byte[] MaskedShare { get; }

    /// <summary>The owner key, as a client keeps it.</summary>
    internal SecretBytes OwnerKey() => new(_keys.OwnerPrivateKey);

    internal FormerOwnerKey FormerOwner() => new(Id, _keys.OwnerPrivateKey);

    internal byte[] Sign(SignaturePurpose purpose, NodeId node, Paper record, ReadOnlySpan<byte> body) =>
        Key(purpose).Sign(OwnerSignature.Message(purpose, node, Header.AccountId, record.Id, body));

    public override string ToString() => Name;

    private SigningKey Key(SignaturePurpose purpose) => purpose == SignaturePurpose.Confirm ? _keys.Confirm : _keys.Owner;
}
