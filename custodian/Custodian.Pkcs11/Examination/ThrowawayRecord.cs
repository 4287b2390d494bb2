using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Examination;

/// <summary>A record's key for trials, sealed under a key of the session as a node that evaluates in memory seals one.</summary>
internal sealed class ThrowawayRecord
{
    private readonly nuint seal;
    private readonly byte[] iv;
    private readonly byte[] ciphertext;

    private ThrowawayRecord(nuint seal, byte[] iv, byte[] ciphertext) => (this.seal, this.iv, this.ciphertext) = (seal, iv, ciphertext);

    private static ReadOnlySpan<byte> Aad => "custodian/v1 trial"u8;

    /// <summary>Makes one; its seal key goes with the session.</summary>
    public static ThrowawayRecord Make(Pkcs11Session session)
    {
        Span<byte> key = stackalloc byte[MemoryKey.Length];
        Span<byte> x = stackalloc byte[Pkcs11Session.CoordinateLength];
        Span<byte> point = stackalloc byte[Pkcs11Session.PointLength];
        var seal = session.GenerateAesKey(ThrowawayKeys.Cipher);
        var (iv, ciphertext) = (new byte[Pkcs11Session.GcmIvLength], new byte[key.Length + Pkcs11Session.GcmTagLength]);
        MemoryKey.Make(session, SelfTest.Generator, x, point, key);
        session.Random(iv);
        session.Encrypt(seal, iv, Aad, key, ciphertext);
        CryptographicOperations.ZeroMemory(key);
        return new ThrowawayRecord(seal, iv, ciphertext);
    }

    /// <summary>Opens it and evaluates it at the base point.</summary>
    public void Evaluate(Pkcs11Session session)
    {
        Span<byte> room = stackalloc byte[ciphertext.Length];
        Span<byte> x = stackalloc byte[Pkcs11Session.CoordinateLength];
        session.Decrypt(seal, iv, Aad, ciphertext, room);
        MemoryKey.Evaluate(room[..MemoryKey.Length], SelfTest.Generator, x);
        CryptographicOperations.ZeroMemory(room);
    }
}
