using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Custodian.Protocol;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>What an audit key signed, as one sees it who has the file and the public key and no token: a proof of <c>custodian doctor --make-proof</c>.</summary>
internal static class SignedProof
{
    private static readonly string[] Blobs = ["audit_public_key", "sealed_secret", "secret_sha256", "sealed_record", "evaluated_sha256"];

    /// <summary>That the private half of a key, a point of 65 bytes, signed the file.</summary>
    internal static void AssertSignedBy(string file, byte[] publicKey)
    {
        JsonNode proof = JsonNode.Parse(File.ReadAllText(file))!;
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = publicKey[1..33], Y = publicKey[33..] },
        });
        byte[] signed = Signed(proof);
        byte[] signature = Convert.FromBase64String((string)proof["signature"]!);
        Assert.True(key.VerifyData(signed, signature, HashAlgorithmName.SHA256));
        signed[^1] ^= 1;
        Assert.False(key.VerifyData(signed, signature, HashAlgorithmName.SHA256));
    }

    private static byte[] Signed(JsonNode proof)
    {
        LengthPrefixed signed = new LengthPrefixed("custodian/v1 clone proof signature")
            .U32((uint)proof["format"]!).Lp((string)proof["node_id"]!).Lp((string)proof["token_serial"]!)
            .Lp(string.Join(' ', proof["keys"]!.AsArray().Select(k => $"custodian/{k!["purpose"]}/{k["version"]}={k["identity"]}")));
        return Blobs.Aggregate(signed, (message, field) => message.Lp(Convert.FromBase64String((string)proof[field]!))).ToArray();
    }
}
