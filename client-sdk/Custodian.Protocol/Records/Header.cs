using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Protocol;

/// <summary>
/// A record's header (protocol.md section 9): the bytes as they were first serialised, which everyone stores, hashes and compares
/// verbatim, beside their typed values. One exists only if it passed every check of section 9 that it can fail by itself;
/// <see cref="CheckFor"/> makes those that depend on the request. Immutable.
/// </summary>
internal sealed class Header
{
    private readonly HeaderFields _fields;
    private readonly byte[] _bytes;
    private readonly byte[] _hash;

    private Header(HeaderFields fields, byte[] bytes)
    {
        _fields = fields;
        _bytes = bytes;
        _hash = SHA256.HashData(bytes);
    }

    /// <summary>The serialised header, verbatim.</summary>
    internal ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>header_hash: H of <see cref="Bytes"/>, 32 bytes.</summary>
    internal ReadOnlyMemory<byte> Hash => _hash;

    /// <inheritdoc cref="HeaderFields.SetId"/>
    internal SetId SetId => _fields.SetId;

    /// <inheritdoc cref="HeaderFields.AccountId"/>
    internal AccountId AccountId => _fields.AccountId;

    /// <inheritdoc cref="HeaderFields.RecordId"/>
    internal RecordId RecordId => _fields.RecordId;

    /// <inheritdoc cref="HeaderFields.Generation"/>
    internal ulong Generation => _fields.Generation;

    /// <inheritdoc cref="HeaderFields.CreatedUnixMs"/>
    internal long CreatedUnixMs => _fields.CreatedUnixMs;

    /// <inheritdoc cref="HeaderFields.Threshold"/>
    internal int Threshold => _fields.Threshold;

    /// <inheritdoc cref="HeaderFields.Participants"/>
    internal ImmutableArray<HeaderParticipant> Participants => _fields.Participants;

    /// <inheritdoc cref="HeaderFields.Kdf"/>
    internal StretchParameters Kdf => _fields.Kdf;

    /// <inheritdoc cref="HeaderFields.Commitment"/>
    internal ReadOnlyMemory<byte> Commitment => _fields.Commitment;

    /// <inheritdoc cref="HeaderFields.OwnerPublicKey"/>
    internal ReadOnlyMemory<byte> OwnerPublicKey => _fields.OwnerPublicKey;

    /// <inheritdoc cref="HeaderFields.ConfirmPublicKey"/>
    internal ReadOnlyMemory<byte> ConfirmPublicKey => _fields.ConfirmPublicKey;

    /// <inheritdoc cref="HeaderFields.MaxAttempts"/>
    internal int MaxAttempts => _fields.MaxAttempts;

    /// <inheritdoc cref="HeaderFields.EnvelopeDigest"/>
    internal ReadOnlyMemory<byte> EnvelopeDigest => _fields.EnvelopeDigest;

    /// <summary>Serialises a new record's header, once.</summary>
    /// <exception cref="ArgumentException">A value is outside section 9; the message names it.</exception>
    internal static Header Create(HeaderFields fields)
    {
        byte[] bytes = fields.ToMessage().ToByteArray();
        return TryParse(bytes, out Header? header, out FieldFault? fault)
            ? header
            : throw new ArgumentException(fault.ToString(), nameof(fields));
    }

    /// <summary>
    /// Reads a header from anyone. False, with the fault, when it fails a check of section 9 that needs no request: it is not the message,
    /// is not what the message serialises to, or has a value out of bounds. No bytes make this throw.
    /// </summary>
    internal static bool TryParse(
        ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Header? header, [NotNullWhen(false)] out FieldFault? fault)
    {
        HeaderFields? fields = null;
        byte[] own = bytes.Length <= Limits.MaxHeaderSize ? bytes.ToArray() : [];
        fault = ParseCanonical(own, out RecordHeader? message) ?? HeaderRules.Apply(message!, out fields);
        header = fault is null ? new Header(fields!, own) : null;
        return fault is null;
    }

    /// <summary>
    /// The checks of section 9 that depend on the request: whose set, account and record the header must be, and that it names the node.
    /// Null when it passes.
    /// </summary>
    /// <param name="set">The set_id of the request.</param>
    /// <param name="account">The account of the token.</param>
    /// <param name="record">The record_id of the request, where the request has one.</param>
    /// <param name="node">This node; for a client, the node that shows the header.</param>
    internal FieldFault? CheckFor(SetId set, AccountId account, RecordId? record, NodeId node) =>
        (SetId == set ? null : new FieldFault("header.set_id", "that of the request"))
        ?? (AccountId == account ? null : new FieldFault("header.account_id", "that of the token's issuer and subject"))
        ?? (record is null || RecordId == record ? null : new FieldFault("header.record_id", "that of the request"))
        ?? (TryGetIndex(node, out _) ? null : new FieldFault("header.participants", "a list that names this node"));

    /// <summary>The index of a node's share. False when the node is not a participant.</summary>
    internal bool TryGetIndex(NodeId node, out byte index)
    {
        foreach (HeaderParticipant participant in Participants)
        {
            if (participant.Node == node)
            {
                index = participant.Index;
                return true;
            }
        }

        index = 0;
        return false;
    }

    /// <summary>Whether both are the same bytes, which is what makes two headers the same.</summary>
    internal bool IsSameAs(Header other) => _bytes.AsSpan().SequenceEqual(other._bytes);

    private static FieldFault? ParseCanonical(byte[] bytes, out RecordHeader? message)
    {
        message = bytes.Length == 0 ? null : Parse(bytes);
        return message is null
            ? new FieldFault("header", "a serialised RecordHeader")
            : message.ToByteArray().AsSpan().SequenceEqual(bytes)
                ? null
                : new FieldFault("header", "a RecordHeader serialised without unknown, repeated or reordered fields");
    }

    /// <summary>
    /// The message, without unknown fields, or null. Hostile bytes make the runtime throw more than its own exception, such as for a
    /// length beyond an array; whatever it throws says the same thing about them.
    /// </summary>
    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "whatever is thrown, the bytes are at fault")]
    private static RecordHeader? Parse(byte[] bytes)
    {
        try
        {
            return RecordHeader.Parser.WithDiscardUnknownFields(true).ParseFrom(bytes);
        }
        catch (Exception)
        {
            return null;
        }
    }
}
