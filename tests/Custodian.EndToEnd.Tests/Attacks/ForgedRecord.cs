using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>A record that an attacker makes for a user's account, well formed and under keys of the attacker's own.</summary>
internal sealed class ForgedRecord : IDisposable
{
    private ForgedRecord(Header header, RecordKeys keys, byte[] envelope) => (Header, Keys, Envelope) = (header, keys, envelope);

    internal Header Header { get; }

    internal RecordKeys Keys { get; }

    internal byte[] Envelope { get; }

    /// <summary>Makes one.</summary>
    /// <param name="realm">The set it is for.</param>
    /// <param name="account">Whose.</param>
    /// <param name="change">Makes it odd; what it sets need not be lawful.</param>
    internal static ForgedRecord Make(Realm realm, AccountId account, Func<HeaderFields, HeaderFields>? change = null)
    {
        RecordId id = RecordId.Draw();
        RecordKeys keys = RecordKeys.Derive(RandomNumberGenerator.GetBytes(RecordKeys.RecoveryKeySize), id);
        var fields = new HeaderFields
        {
            SetId = SetId.Parse(realm.SetId), AccountId = account, RecordId = id, Generation = 1, CreatedUnixMs = 1, Threshold = realm.Threshold,
            Participants = Participants(realm.Nodes), Kdf = StretchParameters.ForNewRecord(new byte[16]),
            Commitment = keys.Commitment.ToArray(), OwnerPublicKey = keys.Owner.PublicKey.ToArray(),
            ConfirmPublicKey = keys.Confirm.PublicKey.ToArray(), MaxAttempts = 10, EnvelopeDigest = new byte[32],
        };
        fields = change?.Invoke(fields) ?? fields;
        byte[] envelope = Protocol.Envelope.Seal(
            keys.EnvelopeKey, RandomNumberGenerator.GetBytes(Limits.EnvelopeNonceSize), "\n\x01k"u8, account, id, fields.Generation);
        return new ForgedRecord(Header.Create(fields with { EnvelopeDigest = Protocol.Envelope.Digest(envelope) }), keys, envelope);
    }

    internal static ImmutableArray<HeaderParticipant> Participants(IEnumerable<NodeProcess> nodes) =>
        [.. nodes.Select((n, i) => new HeaderParticipant(NodeId.Parse(n.NodeId), (byte)(i + 1)))];

    /// <summary>The x-coordinate of some point.</summary>
    internal static byte[] AnyPoint()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportParameters(false).Q.X!;
    }

    public void Dispose() => Keys.Dispose();
}
