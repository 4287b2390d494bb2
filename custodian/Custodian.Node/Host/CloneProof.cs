using System.Security.Cryptography;
using System.Text.Json;
using Custodian.Node.Commands;
using Custodian.Node.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;

namespace Custodian.Node.Host;

/// <summary>
/// What a token made that a clone of it must be able to take up: a secret sealed, a record's key wrapped, and a signature over both. A
/// file of it tells on any machine whether a token is a clone, and holds no key that protects anything and nothing secret.
/// </summary>
internal sealed record CloneProof
{
    private const int FormatNow = 2;

    public required int Format { get; init; }

    public required string NodeId { get; init; }

    /// <summary>The serial number of the token that made it.</summary>
    public required string TokenSerial { get; init; }

    /// <summary>The keys of the node that it had, of every version: older ones open older records.</summary>
    public required IReadOnlyList<TokenKey> Keys { get; init; }

    /// <summary>The audit key that it signs with, 65 bytes.</summary>
    public required byte[] AuditPublicKey { get; init; }

    /// <summary>Random bytes, sealed under its seal key.</summary>
    public required byte[] SealedSecret { get; init; }

    public required byte[] SecretSha256 { get; init; }

    /// <summary>A record's key that is nobody's, wrapped under its wrap key.</summary>
    public required byte[] SealedRecord { get; init; }

    /// <summary>What that key gives at the base point.</summary>
    public required byte[] EvaluatedSha256 { get; init; }

    /// <summary>Over all of the above, by the audit key.</summary>
    public byte[] Signature { get; init; } = [];

    /// <summary>Where that token's node evaluates.</summary>
    internal EvaluationMode Evaluation => EvaluationModes.TryRead(SealedSecret, out EvaluationMode mode) ? mode : EvaluationMode.Hsm;

    private byte[] Context => ContextOf(NodeId);

    /// <summary>The file's text, read strictly.</summary>
    /// <exception cref="NodeStartException">It is no proof; the message names the field.</exception>
    internal static CloneProof Read(string file)
    {
        try
        {
            CloneProof proof = JsonSerializer.Deserialize<CloneProof>(File.ReadAllText(file), Terminal.Json) ?? throw new JsonException("null");
            return proof.WrongField() is { } wrong ? throw Malformed(file, $"{wrong} is not of its form", null) : proof;
        }
        catch (JsonException malformed)
        {
            throw Malformed(file, malformed.Message.Split('.')[0], malformed);
        }
    }

    /// <summary>Has a token make one. Takes three operations and leaves nothing in it.</summary>
    /// <exception cref="HsmException">The HSM did not do it.</exception>
    /// <param name="node">Whose token it is.</param>
    /// <param name="hsm">The token, with the node's keys authorised.</param>
    /// <param name="listed">The keys that the node's database lists.</param>
    /// <param name="cancellation">Gives up waiting for a place.</param>
    internal static async Task<CloneProof> MakeAsync(
        NodeId node, Pkcs11Hsm hsm, IReadOnlyList<TokenKey> listed, CancellationToken cancellation)
    {
        byte[] secret = Pinned.Bytes(32);
        await hsm.RandomAsync(secret);
        byte[] context = ContextOf(node.Value);
        (byte[] record, byte[] evaluated) = await MakeRecordAsync(hsm, secret, context, cancellation);
        var unsigned = new CloneProof
        {
            Format = FormatNow,
            NodeId = node.Value,
            TokenSerial = hsm.Token.Serial,
            Keys = [.. listed.Intersect(hsm.Keys.Fit)],
            AuditPublicKey = hsm.Keys.SigningPoint.ToArray(),
            SealedSecret = await hsm.SealAsync(secret, context),
            SecretSha256 = SHA256.HashData(secret),
            SealedRecord = record,
            EvaluatedSha256 = SHA256.HashData(evaluated),
        };
        CryptographicOperations.ZeroMemory(secret);
        CryptographicOperations.ZeroMemory(evaluated);
        return unsigned with { Signature = (await hsm.SignAsync(unsigned.Signed())).Value };
    }

    /// <summary>Writes it to a file that must not be there.</summary>
    /// <exception cref="IOException">It is there, or cannot be written.</exception>
    internal void Write(string file)
    {
        using var stream = new FileStream(file, FileMode.CreateNew, FileAccess.Write);
        JsonSerializer.Serialize(stream, this, Terminal.Json);
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Whether the proof is as its token made it.</summary>
    internal bool IsAuthentic() => Verifies(Signed(), Signature);

    /// <summary>Whether a token opens what the proof's token sealed.</summary>
    internal Task<bool> OpensAsync(IHsm hsm) => HoldsAsync(async () =>
    {
        byte[] secret = await hsm.OpenAsync(SealedSecret, Context);
        bool isSame = SecretSha256.AsSpan().SequenceEqual(SHA256.HashData(secret));
        CryptographicOperations.ZeroMemory(secret);
        return isSame;
    });

    /// <summary>Whether a token evaluates the wrapped key to what the proof's token did.</summary>
    internal Task<bool> EvaluatesAsync(IHsm hsm, CancellationToken cancellation) => HoldsAsync(async () =>
    {
        using HsmAdmission admission = await AdmitAsync(hsm, cancellation);
        Evaluation evaluation = await hsm.EvaluateAsync(admission, SealedRecord, Context, BasePoint.Uncompressed);
        bool isSame = EvaluatedSha256.AsSpan().SequenceEqual(SHA256.HashData(evaluation.Evaluated));
        CryptographicOperations.ZeroMemory(evaluation.Evaluated);
        CryptographicOperations.ZeroMemory(evaluation.MaskedShare);
        return isSame;
    });

    /// <summary>The labels of the keys that the proof's token had.</summary>
    internal IEnumerable<string> Labels => Keys.Select(TokenKeys.LabelOf);

    /// <summary>The labels of those under which the proof has nothing that a token could be tried with. An audit key's public point is seen to verify.</summary>
    internal IReadOnlyList<string> Untried =>
    [
        .. Keys.Where(key => key.Purpose switch
        {
            KeyPurpose.Seal => key.Version != VersionsOf(SealedSecret).Seal,
            KeyPurpose.Wrap => key.Version != VersionsOf(SealedRecord).Wrap,
            _ => false,
        }).Select(TokenKeys.LabelOf),
    ];

    /// <summary>The labels of those that a token lacks; another key under the label is not it.</summary>
    internal IReadOnlyList<string> MissingFrom(Pkcs11Hsm hsm) => [.. Keys.Except(hsm.Keys.Fit).Select(TokenKeys.LabelOf)];

    /// <summary>Whether a token has the audit key of the proof's token: its private half was seen to sign what that public half verifies.</summary>
    internal bool IsSignedBy(Pkcs11Hsm hsm) =>
        hsm.Keys.Fit.Any(key => key.Purpose == KeyPurpose.Audit && key.Identity == Convert.ToHexStringLower(AuditPublicKey));

    private static BlobVersions VersionsOf(byte[] blob) => BlobVersions.TryRead(blob, out BlobVersions versions) ? versions : default;

    private static byte[] ContextOf(string node) => new LengthPrefixed("custodian/v1 clone proof").Lp(node).ToArray();

    private static async Task<(byte[] Record, byte[] Evaluated)> MakeRecordAsync(
        Pkcs11Hsm hsm, byte[] share, byte[] context, CancellationToken cancellation)
    {
        PreparedKey prepared;
        using (HsmAdmission first = await AdmitAsync(hsm, cancellation))
        {
            prepared = await hsm.PrepareAsync(first, BasePoint.Uncompressed, long.MaxValue, context);
        }

        using HsmAdmission second = await AdmitAsync(hsm, cancellation);
        AdoptedKey adopted = await hsm.AdoptAsync(second, prepared.SealedKey, 0, context, share, context);
        return (adopted.SealedRecord ?? throw Refused(), prepared.Evaluated);
    }

    private static async Task<bool> HoldsAsync(Func<Task<bool>> trial)
    {
        try
        {
            return await trial();
        }
        catch (HsmException other) when (other.Class == HsmErrorClass.Data)
        {
            return false;
        }
    }

    private static async Task<HsmAdmission> AdmitAsync(IHsm hsm, CancellationToken cancellation) => await hsm.AdmitAsync(cancellation) ?? throw Refused();

    private static HsmException Refused() => new(HsmErrorClass.Fatal, 0, "clone proof", "The HSM does not take up what it made itself.");

    private static NodeStartException Malformed(string file, string why, Exception? cause) =>
        new($"{file} is no proof of a token: {why}; make one on the node with 'custodian doctor --make-proof'", cause);

    private byte[] Signed() => new LengthPrefixed("custodian/v1 clone proof signature")
        .U32((uint)Format).Lp(NodeId).Lp(TokenSerial)
        .Lp(string.Join(' ', Keys.Select(key => $"{TokenKeys.LabelOf(key)}={key.Identity}")))
        .Lp(AuditPublicKey).Lp(SealedSecret).Lp(SecretSha256).Lp(SealedRecord).Lp(EvaluatedSha256)
        .ToArray();

    private string? WrongField() => this switch
    {
        { Format: not FormatNow } => "format",
        { Keys: null or { Count: 0 or > 1000 } } => "keys",
        _ when Keys.Any(key => key is null or { Identity: null } || !Enum.IsDefined(key.Purpose)) => "keys",
        { AuditPublicKey: not { Length: 65 } } => "audit_public_key",
        { SealedSecret: null or { Length: 0 or > 1024 } } => "sealed_secret",
        { SecretSha256: not { Length: 32 } } => "secret_sha256",
        { SealedRecord: null or { Length: 0 or > 4096 } } => "sealed_record",
        { EvaluatedSha256: not { Length: 32 } } => "evaluated_sha256",
        { Signature: not { Length: 64 } } => "signature",
        { NodeId: null } => "node_id",
        { TokenSerial: null } => "token_serial",
        _ => null,
    };

    private bool Verifies(byte[] message, byte[] signature)
    {
        try
        {
            using var key = ECDsa.Create(new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new ECPoint { X = AuditPublicKey[1..33], Y = AuditPublicKey[33..] },
            });
            return key.VerifyData(message, signature, HashAlgorithmName.SHA256);
        }
        catch (CryptographicException)
        {
            // The bytes are no point of the curve.
            return false;
        }
    }
}
