using System.Security.Cryptography;
using System.Text;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Secrets;

/// <summary>
/// A second device of the user that shows what the first one computes and nobody may keep: it evaluates the right secret at every node,
/// call by call, and derives everything that protocol.md sections 5 to 7 name.
/// </summary>
internal sealed class Insider
{
    private readonly Realm _realm;
    private readonly string _subject;
    private readonly List<Mark> _secrets = [];
    private readonly List<Mark> _masked = [];

    private Insider(Realm realm, string subject) => (_realm, _subject) = (realm, subject);

    /// <summary>What no node and no wire may ever hold, and no device after its use.</summary>
    internal IReadOnlyList<Mark> Secrets => _secrets;

    /// <summary>What a node sees and answers, and stores under the HSM's key only.</summary>
    internal IReadOnlyList<Mark> Masked => _masked;

    internal static async Task<Insider> LearnAsync(Realm realm, string subject, string secret)
    {
        var insider = new Insider(realm, subject);
        await insider.LearnAsync(secret);
        return insider;
    }

    private async Task LearnAsync(string secret)
    {
        Header header = await HeaderAsync();
        Assert.True(UserSecret.TryNormalise(secret, out SecretBytes? utf8, out _));
        StretchParameters kdf = header.Kdf;
        using SecretBytes stretched = UserSecret.Stretch(utf8, kdf.Salt.AsSpan(), kdf.MemoryKib, kdf.Iterations, kdf.Parallelism);
        _secrets.Add(new Mark("the stretched secret", stretched.Span.ToArray()));
        byte[] shares = new byte[header.Participants.Length * Limits.ShareSize];
        byte[] indexes = new byte[header.Participants.Length];
        for (int i = 0; i < indexes.Length; i++)
        {
            indexes[i] = header.Participants[i].Index;
            (await ShareAsync(header, header.Participants[i].Node, stretched)).CopyTo(shares, i * Limits.ShareSize);
        }

        byte[] recoveryKey = new byte[RecordKeys.RecoveryKeySize];
        Shamir.Combine(indexes.AsSpan(0, header.Threshold), shares.AsSpan(0, header.Threshold * Limits.ShareSize), recoveryKey);
        Derive(recoveryKey, header);
    }

    private async Task<Header> HeaderAsync()
    {
        using RawCaller caller = CallerOf(_realm.Nodes[0]);
        DescribeResponse described = await caller.Client.DescribeAsync(new DescribeRequest { SetId = _realm.SetId }, caller.Headers);
        Assert.True(Header.TryParse(Assert.Single(described.Records).Header.Span, out Header? header, out _));
        return header;
    }

    private async Task<byte[]> ShareAsync(Header header, NodeId node, SecretBytes stretched)
    {
        using var input = new BlindedInput(header.AccountId, header.RecordId, node, stretched);
        using RawCaller caller = CallerOf(_realm.Nodes.Single(n => n.NodeId == node.Value));
        EvaluateResponse answer = await caller.Client.EvaluateAsync(
            new EvaluateRequest
            {
                RecordId = ByteString.CopyFrom(header.RecordId.ToArray()), AttemptId = ByteString.CopyFrom(AttemptId.Draw().ToArray()),
                Blinded = input.Blind(), SetId = _realm.SetId,
            },
            caller.Headers);
        byte[] mask = new byte[Limits.ShareSize];
        Assert.True(input.TryMask(answer.Evaluated.Span, mask));
        byte[] share = [.. mask.Zip(answer.MaskedShare, (m, s) => (byte)(m ^ s))];
        _secrets.Add(new Mark($"the share of {node}", share));
        _secrets.Add(new Mark($"the mask of {node}", mask));
        _masked.Add(new Mark($"the masked share of {node}", answer.MaskedShare.ToByteArray()));
        return share;
    }

    private void Derive(byte[] recoveryKey, Header header)
    {
        Assert.True(RecordKeys.TryDerive(recoveryKey, header, out RecordKeys? keys));
        using (keys)
        {
            byte[] owner = keys.OwnerPrivateKey.ToArray();
            byte[] confirm = ConfirmKey(recoveryKey, header.RecordId);
            _secrets.Add(new Mark("the recovery key", recoveryKey));
            _secrets.Add(new Mark("the envelope key", keys.EnvelopeKey.ToArray()));
            _secrets.Add(new Mark("the owner key", owner));

            using SigningKey signs = SigningKey.Create(confirm);
            Assert.True(signs.PublicKey.SequenceEqual(keys.Confirm.PublicKey));
            _secrets.Add(new Mark("the confirm key", confirm));

            // As a platform's big number keeps them.
            _secrets.Add(new Mark("the owner key, least byte first", [.. Enumerable.Reverse(owner)]));
            _secrets.Add(new Mark("the confirm key, least byte first", [.. Enumerable.Reverse(confirm)]));
        }
    }

    /// <summary>The private half of the confirm key, which nothing gives out (protocol.md section 7).</summary>
    private static byte[] ConfirmKey(byte[] recoveryKey, RecordId record)
    {
        byte[] prk = HKDF.Extract(HashAlgorithmName.SHA256, recoveryKey, record.ToArray());
        byte[] scalar = new byte[P256.WordSize];
        P256.ReduceToScalar(HKDF.Expand(HashAlgorithmName.SHA256, prk, 48, "custodian/v1 confirm"u8.ToArray()), scalar);
        return scalar;
    }

    private RawCaller CallerOf(NodeProcess node) =>
        new(node.Address, _realm.CaFile, () => _realm.Issuer.TokenFor(node.NodeId, _subject));

    /// <summary>A secret of letters that have another form in NFKC, and the marks of all its forms.</summary>
    internal static (string Secret, Mark[] Marks) NewSecret()
    {
        string plain = new([.. Enumerable.Range(0, 24).Select(_ => (char)('A' + RandomNumberGenerator.GetInt32(26)))]);
        string wide = new([.. plain.Select(c => (char)(c + 0xFEE0))]);
        return (wide,
        [
            new Mark("the secret as typed, UTF-16", Encoding.Unicode.GetBytes(wide)),
            new Mark("the secret as typed, UTF-8", Encoding.UTF8.GetBytes(wide)),
            new Mark("the secret in NFKC, UTF-16", Encoding.Unicode.GetBytes(plain)),
            new Mark("the secret in NFKC, UTF-8", Encoding.UTF8.GetBytes(plain)),
        ]);
    }
}
