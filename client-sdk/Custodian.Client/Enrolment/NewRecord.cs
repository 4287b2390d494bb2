using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// A record as the client makes it (protocol.md sections 4, 7, 8 and 9): recovery key, shares, envelope, header. The recovery key is gone
/// when this is made. Zeroed on dispose.
/// </summary>
internal sealed class NewRecord : IDisposable
{
    private readonly byte[] _shares;

    private NewRecord(Header header, byte[] envelope, RecordKeys keys, byte[] shares) =>
        (Header, Envelope, Keys, _shares) = (header, envelope, keys, shares);

    internal Header Header { get; }

    internal byte[] Envelope { get; }

    internal RecordKeys Keys { get; }

    /// <summary>Makes a record over all the set's participants, indexes 1, 2, ... in their order.</summary>
    /// <param name="plan">What goes into the header.</param>
    /// <param name="payload">What goes into the envelope, serialised.</param>
    internal static NewRecord Create(NewRecordPlan plan, ReadOnlySpan<byte> payload)
    {
        Span<byte> recoveryKey = stackalloc byte[RecordKeys.RecoveryKeySize];
        RecordKeys? keys = null;
        byte[] shares = Pinned.Bytes(plan.Participants.Length * Limits.ShareSize);
        try
        {
            RandomNumberGenerator.Fill(recoveryKey);
            Shamir.Split(recoveryKey, plan.Threshold, Indexes(plan), shares);
            keys = RecordKeys.Derive(recoveryKey, plan.Record);
            byte[] nonce = RandomNumberGenerator.GetBytes(Limits.EnvelopeNonceSize);
            byte[] envelope = Protocol.Envelope.Seal(keys.EnvelopeKey, nonce, payload, plan.Account, plan.Record, plan.Generation);
            return new NewRecord(plan.ToHeader(keys, envelope), envelope, keys, shares);
        }
        catch
        {
            keys?.Dispose();
            CryptographicOperations.ZeroMemory(shares);
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(recoveryKey);
        }
    }

    /// <summary>A node's share under its mask: nothing without the node's key and the user's secret.</summary>
    internal byte[] MaskedShare(PreparedNode node)
    {
        int place = Header.Participants.Select(p => p.Node).ToList().IndexOf(node.Node);
        byte[] masked = new byte[Limits.ShareSize];
        ReadOnlySpan<byte> share = _shares.AsSpan(place * Limits.ShareSize, Limits.ShareSize);
        for (int i = 0; i < masked.Length; i++)
        {
            masked[i] = (byte)(share[i] ^ node.Mask.Span[i]);
        }

        return masked;
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_shares);
        Keys.Dispose();
    }

    private static byte[] Indexes(NewRecordPlan plan) => [.. plan.Participants.Select(p => p.Index)];
}

/// <summary>What is decided about a new record before it is made.</summary>
internal sealed record NewRecordPlan
{
    internal required SetId Set { get; init; }

    internal required AccountId Account { get; init; }

    internal required RecordId Record { get; init; }

    internal required ulong Generation { get; init; }

    internal required int Threshold { get; init; }

    internal required int MaxAttempts { get; init; }

    internal required ImmutableArray<HeaderParticipant> Participants { get; init; }

    internal required StretchParameters Kdf { get; init; }

    internal required DateTimeOffset Created { get; init; }

    internal Header ToHeader(RecordKeys keys, byte[] envelope) => Header.Create(new HeaderFields
    {
        SetId = Set,
        AccountId = Account,
        RecordId = Record,
        Generation = Generation,
        CreatedUnixMs = Created.ToUnixTimeMilliseconds(),
        Threshold = Threshold,
        Participants = Participants,
        Kdf = Kdf,
        Commitment = keys.Commitment.ToArray(),
        OwnerPublicKey = keys.Owner.PublicKey.ToArray(),
        ConfirmPublicKey = keys.Confirm.PublicKey.ToArray(),
        MaxAttempts = MaxAttempts,
        EnvelopeDigest = Protocol.Envelope.Digest(envelope),
    });
}
