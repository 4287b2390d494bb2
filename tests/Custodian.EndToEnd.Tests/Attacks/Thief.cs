using System.Security.Cryptography;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// Someone who has a user's tokens for every node and knows the protocol: every call as they like it, straight to the nodes, with none of
/// the SDK's manners, and all the arithmetic that a guess takes.
/// </summary>
internal sealed class Thief : IDisposable
{
    private readonly Dictionary<string, RawCaller> _callers;
    private readonly Realm _realm;

    internal Thief(Realm realm, string subject)
    {
        _realm = realm;
        Account = AccountId.Derive(SetId.Parse(realm.SetId), realm.Issuer.Name, subject);
        _callers = realm.Nodes.ToDictionary(
            n => n.NodeId, n => new RawCaller(n.Address, realm.CaFile, () => realm.Issuer.TokenFor(n.NodeId, subject)));
    }

    internal AccountId Account { get; }

    internal Custody.CustodyClient Stub(NodeProcess node) => _callers[node.NodeId].Client;

    internal Metadata Headers(NodeProcess node) => _callers[node.NodeId].Headers;

    /// <summary>What a node shows of the account.</summary>
    internal async Task<IReadOnlyList<RecordStatus>> DescribeAsync(NodeProcess node) =>
        (await Stub(node).DescribeAsync(new DescribeRequest { SetId = _realm.SetId }, Headers(node))).Records;

    /// <summary>The header of the user's ACTIVE record at a node.</summary>
    internal async Task<Header> HeaderAsync(NodeProcess node)
    {
        RecordStatus status = (await DescribeAsync(node)).Single(r => r.State == Protocol.Wire.RecordState.Active);
        Assert.True(Header.TryParse(status.Header.Span, out Header? header, out _));
        return header;
    }

    /// <summary>How many attempts at a record every node of it counts.</summary>
    internal async Task<uint[]> UsedAsync(Header header)
    {
        NodeProcess[] holders = [.. _realm.Nodes.Where(n => header.Participants.Any(p => p.Node.Value == n.NodeId))];
        var shown = await Task.WhenAll(holders.Select(DescribeAsync));
        return [.. shown.Select(s => s.Single(r => r.Header.Span.SequenceEqual(header.Bytes.Span)).AttemptsUsed)];
    }

    /// <summary>Asks a node for its evaluation of a guess under a new attempt. Throws its refusal.</summary>
    internal async Task<EvaluateResponse> EvaluateAsync(NodeProcess node, Header header, ByteString blinded) =>
        await Stub(node).EvaluateAsync(
            new EvaluateRequest
            {
                RecordId = Id(header), AttemptId = ByteString.CopyFrom(AttemptId.Draw().ToArray()), Blinded = blinded, SetId = _realm.SetId,
            },
            Headers(node));

    /// <summary>The share that a guess gives at a node, right if the guess is; null when the node has no attempt left.</summary>
    internal async Task<byte[]?> ShareAsync(NodeProcess node, Header header, SecretBytes stretched)
    {
        using var input = new BlindedInput(Account, header.RecordId, NodeId.Parse(node.NodeId), stretched);
        try
        {
            EvaluateResponse answer = await EvaluateAsync(node, header, input.Blind());
            byte[] mask = new byte[Limits.ShareSize];
            Assert.True(input.TryMask(answer.Evaluated.Span, mask));
            return Xor(mask, answer.MaskedShare.Span);
        }
        catch (RpcException refused) when (WireRefusal.Of(refused).Reason == "ATTEMPTS_EXHAUSTED")
        {
            return null;
        }
    }

    /// <summary>A call of someone who signs what they like: the signature of a purpose for a node and a record, by any key.</summary>
    internal ByteString Sign(SigningKey key, SignaturePurpose purpose, NodeProcess node, Header header, byte[] body) =>
        ByteString.CopyFrom(key.Sign(OwnerSignature.Message(purpose, NodeId.Parse(node.NodeId), Account, header.RecordId, body)));

    /// <summary>Makes a record of the thief's own: for one node, or as many as are named; PENDING afterwards, and not the user's.</summary>
    internal async Task<ForgedRecord> DepositAsync(NodeProcess node, ForgedRecord record, Action<DepositRequest>? change = null)
    {
        var prepare = new PrepareRequest
        {
            RecordId = Id(record.Header), SetId = _realm.SetId, Blinded = ByteString.CopyFrom(ForgedRecord.AnyPoint()),
        };
        PrepareResponse prepared = await Stub(node).PrepareAsync(prepare, Headers(node));
        byte[] masked = RandomNumberGenerator.GetBytes(Limits.ShareSize);
        var deposit = new DepositRequest
        {
            SealedKey = prepared.SealedKey, Header = ByteString.CopyFrom(record.Header.Bytes.Span),
            MaskedShare = ByteString.CopyFrom(masked), Envelope = ByteString.CopyFrom(record.Envelope), SetId = _realm.SetId,
            DepositSignature = Sign(
                record.Keys.Owner, SignaturePurpose.Deposit, node, record.Header, SignatureBody.Deposit(record.Header.Hash.Span, masked)),
        };
        change?.Invoke(deposit);
        await Stub(node).DepositAsync(deposit, Headers(node));
        return record;
    }

    /// <summary>Puts it into effect at a node.</summary>
    internal async Task ActivateAsync(NodeProcess node, Header header, SigningKey owner) => await Stub(node).ActivateAsync(
        new ActivateRequest
        {
            RecordId = Id(header), SetId = _realm.SetId,
            Signature = Sign(owner, SignaturePurpose.Activate, node, header, SignatureBody.Activate(header.Hash.Span)),
        },
        Headers(node));

    internal static ByteString Id(Header header) => ByteString.CopyFrom(header.RecordId.ToArray());

    /// <summary>Stretches a guess as the record wants it.</summary>
    internal static SecretBytes Stretch(string guess, Header header)
    {
        Assert.True(UserSecret.TryNormalise(guess, out SecretBytes? utf8, out _));
        using (utf8)
        {
            StretchParameters kdf = header.Kdf;
            return UserSecret.Stretch(utf8, kdf.Salt.AsSpan(), kdf.MemoryKib, kdf.Iterations, kdf.Parallelism, CancellationToken.None);
        }
    }

    /// <summary>Whether shares of t nodes give the recovery key.</summary>
    internal static bool Opens(Header header, IReadOnlyList<(NodeProcess Node, byte[] Share)> shares)
    {
        byte[] candidate = new byte[Limits.ShareSize];
        byte[] indexes = [.. shares.Select(s => header.Participants.Single(p => p.Node.Value == s.Node.NodeId).Index)];
        Shamir.Combine(indexes, shares.SelectMany(s => s.Share).ToArray(), candidate);
        bool opens = RecordKeys.TryDerive(candidate, header, out RecordKeys? keys);
        keys?.Dispose();
        return opens;
    }

    internal static byte[] Xor(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        byte[] sum = left.ToArray();
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] ^= right[i];
        }

        return sum;
    }

    public void Dispose()
    {
        foreach (RawCaller caller in _callers.Values)
        {
            caller.Dispose();
        }
    }
}
