using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

/// <summary>Records without nodes: headers with real keys, and what a node would show of them.</summary>
internal sealed class RecordsOnPaper
{
    internal static readonly SetId Set = SetId.Parse("paper");
    internal static readonly AccountId Account = AccountId.Derive(Set, "issuer", "subject");

    private RecordsOnPaper(Header header, RecordKeys keys) => (Header, Keys) = (header, keys);

    internal Header Header { get; }

    internal RecordKeys Keys { get; }

    /// <summary>Bytes whose digest the header has; they need not open.</summary>
    internal byte[] Envelope { get; } = RepeatableBytes.Of("envelope", 285);

    internal static NodeId Node(int i) => NodeId.Parse($"node-{i}");

    internal static RecordsOnPaper Create(ulong generation, int nodes = 5, int threshold = 3, int maxAttempts = 10)
    {
        RecordId id = RecordId.Draw();
        RecordKeys keys = RecordKeys.Derive(RandomNumberGenerator.GetBytes(32), id);
        Header header = Header.Create(new HeaderFields
        {
            SetId = Set,
            AccountId = Account,
            RecordId = id,
            Generation = generation,
            CreatedUnixMs = 0,
            Threshold = threshold,
            Participants = [.. Enumerable.Range(1, nodes).Select(i => new HeaderParticipant(Node(i), (byte)i))],
            Kdf = StretchParameters.ForNewRecord(new byte[16]),
            Commitment = keys.Commitment.ToArray(),
            OwnerPublicKey = keys.Owner.PublicKey.ToArray(),
            ConfirmPublicKey = keys.Confirm.PublicKey.ToArray(),
            MaxAttempts = maxAttempts,
            EnvelopeDigest = Protocol.Envelope.Digest(RepeatableBytes.Of("envelope", 285)),
        });
        return new RecordsOnPaper(header, keys);
    }

    /// <summary>As a node shows it; signed by the owner of the record it replaces, where there is one.</summary>
    internal Sighting At(int node, Wire.RecordState state, RecordsOnPaper? replaces = null, int remaining = 10, int waitSeconds = 0) => new()
    {
        Node = Node(node),
        Header = Header,
        State = state,
        AttemptsRemaining = remaining,
        Wait = TimeSpan.FromSeconds(waitSeconds),
        ReplaceSignature = replaces is null ? default : replaces.Keys.Owner.Sign(OwnerSignature.Message(
            SignaturePurpose.Replace, Node(node), Account, Header.RecordId, SignatureBody.Replace(Header.Hash.Span))),
    };

    /// <summary>Views of nodes 1, 2, ..., each with the sightings that are its own.</summary>
    internal static ImmutableArray<NodeView> Views(int nodes, params Sighting[] sightings) =>
        [.. Enumerable.Range(1, nodes).Select(i => new NodeView(Node(i), [.. sightings.Where(s => s.Node == Node(i))], 0))];
}
