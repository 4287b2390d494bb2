using System.Formats.Asn1;
using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// What is proven about a module before it is used: modules call different things by one name, and some lack what the protocol needs
/// (AWS CloudHSM derives no raw x, YubiHSM2 has no GCM).
/// </summary>
internal static class SelfTest
{
    /// <summary>P-256's base point, 04 || X || Y.</summary>
    public static ReadOnlySpan<byte> Generator =>
    [
        0x04,
        0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
        0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96,
        0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16,
        0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
    ];

    /// <summary>
    /// The module's mechanism that is RFC 5649: the one the standard named so later, or the older one, which is RFC 5649 in SoftHSM and
    /// another wrapping in NSS. A throw-away key is wrapped under a key that is known here, and unwrapped without the module.
    /// </summary>
    /// <exception cref="HsmException">The module has none.</exception>
    public static nuint ProvenWrapMechanism(TokenConnection connection)
    {
        var offered = connection.Mechanisms();
        foreach (var mechanism in (nuint[])[Ckm.AesKeyWrapKwp, Ckm.AesKeyWrapPad])
        {
            if (offered.Contains(mechanism) && IsRfc5649(connection, mechanism))
            {
                return mechanism;
            }
        }
        throw new HsmException(HsmErrorClass.Fatal, 0, "C_WrapKey", "The module wraps no EC key as RFC 5649 (CKM_AES_KEY_WRAP_KWP or _PAD).");
    }

    /// <summary>
    /// Proves what every operation needs, under the node's own keys: those in use, or, where none is, the newest of a purpose that works.
    /// One that does not must not keep shut what is under the others.
    /// </summary>
    /// <returns>The keys, those that work last.</returns>
    /// <exception cref="HsmException">Class Fatal; the message says what the module lacks.</exception>
    public static TokenKeySet Prove(TokenConnection connection, TokenKeySet keys)
    {
        if (keys.Used is not null)
        {
            ProveSeal(connection, keys);
            ProveRecordKey(connection, keys);
            return keys;
        }
        if (keys.Module is null)
        {
            ProveRecordKey(connection, keys);
        }
        return keys with
        {
            Seals = WorkingLast(keys.Seals, seal => ProveSeal(connection, keys with { Seals = [seal] })),
            Wraps = keys.Module is null ? keys.Wraps : WorkingLast(keys.Wraps, wrap => ProveRecordKey(connection, keys with { Wraps = [wrap] })),
        };
    }

    /// <summary>Proves that a key that was just made works, before anybody is told of it. That an audit key signs, its fitness says.</summary>
    /// <exception cref="HsmException">It does not.</exception>
    public static void ProveMade(TokenConnection connection, TokenKeySet keys, TokenKey made)
    {
        Require(keys.Inventory.Fit.Contains(made), "C_Sign");
        if (made.Purpose == KeyPurpose.Seal)
        {
            ProveSeal(connection, keys with { Used = null, Seals = keys.SealsOf(made.Version) });
        }
        else if (made.Purpose == KeyPurpose.Wrap)
        {
            ProveRecordKey(connection, keys with { Used = null, Wraps = keys.WrapsOf(made.Version) });
        }
    }

    /// <summary>The canary: seals and opens with the newest seal key in the token itself.</summary>
    public static void Canary(Pkcs11Session session, TokenKeySet keys)
    {
        Span<byte> iv = stackalloc byte[Pkcs11Session.GcmIvLength];
        Span<byte> sealedCanary = stackalloc byte[16 + Pkcs11Session.GcmTagLength];
        Span<byte> opened = stackalloc byte[sealedCanary.Length];
        session.Random(iv);
        session.Encrypt(keys.CanarySeal.Token, iv, "custodian/v1 canary"u8, "custodian canary"u8, sealedCanary);
        try
        {
            session.Decrypt(keys.CanarySeal.Token, iv, "custodian/v1 canary"u8, sealedCanary, opened);
        }
        catch (HsmException e)
        {
            throw e.OfTheModule();
        }
        Require(opened.StartsWith("custodian canary"u8), "C_Decrypt");
    }

    /// <summary>
    /// The canary of the wrap key: a throw-away record key is made, wrapped, unwrapped and evaluated; or, where keys are evaluated in memory,
    /// drawn and evaluated. At the generator a key gives its public point's x, when made as when unwrapped.
    /// </summary>
    public static void RecordKeyCanary(Pkcs11Session session, TokenKeySet keys)
    {
        Span<byte> made = stackalloc byte[Pkcs11Session.CoordinateLength];
        Span<byte> evaluated = stackalloc byte[Pkcs11Session.CoordinateLength];
        Span<byte> point = stackalloc byte[Pkcs11Session.PointLength];
        Span<byte> wrapped = stackalloc byte[Pkcs11Session.MaxWrappedKeyLength];
        var length = RecordKey.Make(session, keys.Module, keys.CanaryWrap, Generator, made, point, wrapped);
        try
        {
            RecordKey.Evaluate(session, keys.Module, keys.CanaryWrap is { } wrap ? [wrap] : [], wrapped[..length], Generator, evaluated);
        }
        catch (HsmException e)
        {
            throw e.OfTheModule();
        }
        Require(made.SequenceEqual(point[1..33]), "C_DeriveKey");
        Require(evaluated.SequenceEqual(made), Pkcs11Session.UnwrapFunction);
    }

    private static List<T> WorkingLast<T>(IReadOnlyList<T> keys, Action<T> prove)
    {
        for (var at = keys.Count - 1; ; at--)
        {
            try
            {
                prove(keys[at]);
                return [.. keys.Where((_, i) => i != at), keys[at]];
            }
            catch (HsmException) when (at > 0)
            {
                // An older one is tried; the last that fails tells why.
            }
        }
    }

    private static void ProveSeal(TokenConnection connection, TokenKeySet keys) => Prove(connection, keys, "seal and open with AES-GCM", Canary);

    private static void ProveRecordKey(TokenConnection connection, TokenKeySet keys) => Prove(
        connection,
        keys,
        keys.Module is null ? "draw a P-256 key that is evaluated in memory" : "wrap a P-256 key, unwrap it and derive a raw x-coordinate with it",
        RecordKeyCanary);

    private static void Prove(TokenConnection connection, TokenKeySet keys, string ability, Action<Pkcs11Session, TokenKeySet> trial)
    {
        using var session = connection.OpenSession();
        try
        {
            trial(session, keys);
        }
        catch (HsmException e)
        {
            throw new HsmException(
                HsmErrorClass.Fatal, e.ReturnValue, e.Function, $"The module does not {ability}, so it cannot be used. {e.Message}", e);
        }
    }

    private static bool IsRfc5649(TokenConnection connection, nuint mechanism)
    {
        // A session of its own: whatever fails or stays behind in it goes with it.
        using var session = connection.OpenSession();
        var known = RandomNumberGenerator.GetBytes(32);
        try
        {
            using var template = KnownKey(known);
            var wrapping = session.Create(template);
            var pair = session.GenerateKeyPair(RecordKeyTemplates.NewPublic, RecordKeyTemplates.NewPrivate);
            return UnwrapsOutside(session, mechanism, wrapping, pair, known);
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException or HsmException { Class: not HsmErrorClass.Session })
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(known);
        }
    }

    private static bool UnwrapsOutside(Pkcs11Session session, nuint mechanism, nuint wrapping, KeyPair pair, byte[] known)
    {
        Span<byte> wrapped = stackalloc byte[Pkcs11Session.MaxWrappedKeyLength];
        Span<byte> expected = stackalloc byte[Pkcs11Session.PointLength];
        var length = session.Wrap(mechanism, wrapping, pair.Private, wrapped);
        session.ReadPoint(pair.Public, expected);

        using var aes = Aes.Create();
        aes.Key = known;
        var pkcs8 = aes.DecryptKeyWrapPadded(wrapped[..length]);

        // SoftHSM pads the key itself with zeros before it wraps it, so the structure says where it ends.
        AsnDecoder.ReadSequence(pkcs8, AsnEncodingRules.BER, out _, out _, out var consumed);
        using var key = ECDiffieHellman.Create();
        key.ImportPkcs8PrivateKey(pkcs8.AsSpan(0, consumed), out _);
        var q = key.ExportParameters(includePrivateParameters: false).Q;
        return expected[1..33].SequenceEqual(q.X) && expected[33..].SequenceEqual(q.Y);
    }

    private static AttributeTemplate KnownKey(ReadOnlySpan<byte> value) => new AttributeTemplate()
        .Add(Cka.Class, Cko.SecretKey)
        .Add(Cka.KeyType, Ckk.Aes)
        .Add(Cka.Token, false)
        .Add(Cka.Private, true)
        .Add(Cka.Wrap, true)
        .Add(Cka.Value, value);

    private static void Require(bool condition, string function)
    {
        if (!condition)
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, function, $"{function} returned a wrong result.");
        }
    }
}
