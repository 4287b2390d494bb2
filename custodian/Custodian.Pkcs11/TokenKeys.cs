using Custodian.Pkcs11.Examination;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11;

/// <summary>Makes, finds and destroys the node's keys in a token, beside a node that serves or not.</summary>
public static class TokenKeys
{
    /// <summary>
    /// Makes <c>custodian/seal/1</c> (AES-256, encrypt and decrypt only), <c>custodian/wrap/1</c> (AES-256, wrap and unwrap only, what it
    /// unwraps is sensitive and not extractable) and <c>custodian/audit/1</c> (EC P-256, sign only). All sensitive, never extractable.
    /// </summary>
    /// <remarks>
    /// A failure in between removes what was made. A crash in between leaves a part, and the next run refuses and names it: the operator
    /// removes it, since no data can be under it yet.
    /// </remarks>
    /// <param name="options">Which token. Sessions and admissions play no part.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <returns>What was made, in the order above.</returns>
    /// <exception cref="TokenKeysExistException">The token has a key of one of these purposes, of whatever version. Nothing was made.</exception>
    /// <exception cref="HsmException">The token is missing, the PIN was refused, or the module does not make such keys.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task<IReadOnlyList<TokenKeyDescription>> CreateAsync(
        Pkcs11HsmOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return Task.Run(() => Create(options), cancellationToken);
    }

    /// <summary>The labels of a node's keys as they are made first, whether a token has them or not.</summary>
    public static IReadOnlyList<string> Labels { get; } =
        [.. TokenKeyNames.Purposes.Select(purpose => TokenKeyNames.Of(purpose, TokenKeyNames.First))];

    /// <summary>Those of <see cref="Labels"/> of whose purpose no version is among the labels that were found.</summary>
    /// <param name="present">What <see cref="FindAsync"/> found.</param>
    public static IReadOnlyList<string> Lacking(IReadOnlyList<string> present) =>
        [.. Labels.Where(label => !present.Any(found => found.StartsWith(label[..^1], StringComparison.Ordinal)))];

    /// <summary>The labels of a node's keys that a token has, of every version.</summary>
    /// <param name="options">Which token. Sessions and admissions play no part.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <exception cref="HsmException">The token is missing, or the PIN was refused.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task<IReadOnlyList<string>> FindAsync(Pkcs11HsmOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return Task.Run(
            () =>
            {
                using var connection = TokenConnection.Open(options);
                return KeyFinder.Present(connection.Anchor);
            },
            cancellationToken);
    }

    /// <summary>
    /// Makes the next version of a key, which what is new is under once the caller has noted <see cref="TokenKeyDescription.Key"/> where
    /// keys are authorised. The versions before stay, and open what is under them.
    /// </summary>
    /// <remarks>A crash before it is noted leaves a key, whole or in part, that nobody uses; the next version is made beside it.</remarks>
    /// <param name="options">Which token. Sessions and admissions play no part.</param>
    /// <param name="purpose">Which key.</param>
    /// <param name="above">The version is above this one too, above every authorised one, and no label of the token's: what a record was ever under is never made again.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <exception cref="HsmException">The token is missing or lacks keys, the PIN was refused, or the module does not make such keys.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task<TokenKeyDescription> RotateAsync(
        Pkcs11HsmOptions options, KeyPurpose purpose, uint above, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return Task.Run(() => OfTheModule(options, connection => Rotate(connection, options.Authorised, purpose, above)), cancellationToken);
    }

    /// <summary>
    /// Destroys a version of a key: nothing under it opens ever again, no backup either. Of an audit key the public half stays, under
    /// which its signatures verify. Whether anything is still under it is for the caller to know.
    /// </summary>
    /// <param name="options">Which token. Sessions and admissions play no part.</param>
    /// <param name="purpose">Which key.</param>
    /// <param name="version">Which version.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <exception cref="ArgumentException">There is no such version, or it is the newest.</exception>
    /// <exception cref="HsmException">The token is missing or lacks keys, the PIN was refused, or the module does not destroy it.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task RetireAsync(Pkcs11HsmOptions options, KeyPurpose purpose, uint version, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return Task.Run(() => OfTheModule(options, connection => Retire(connection, options.Authorised, purpose, version)), cancellationToken);
    }

    /// <summary>The label of a version of a key.</summary>
    /// <param name="purpose">Which key.</param>
    /// <param name="version">Which version.</param>
    public static string LabelOf(KeyPurpose purpose, uint version) => TokenKeyNames.Of(purpose, version);

    private static IReadOnlyList<TokenKeyDescription> Create(Pkcs11HsmOptions options) => OfTheModule(options, connection =>
    {
        var present = KeyFinder.Present(connection.Anchor);
        if (present.Count > 0)
        {
            throw new TokenKeysExistException(present);
        }

        // First, so that a module that cannot serve keeps no keys of a node that never was.
        Ability.ProveAll(connection);
        return new KeyMaker(connection).MakeAll();
    });

    private static TokenKeyDescription Rotate(
        TokenConnection connection, IReadOnlyList<AuthorisedKey> authorised, KeyPurpose purpose, uint above)
    {
        var keys = KeysOf(connection, authorised);
        var newest = keys.Inventory.Newest(purpose);
        var taken = keys.Found.Where(key => key.Purpose == purpose).Select(key => key.Version).ToHashSet();
        var version = checked(authorised.Where(key => key.Purpose == purpose).Select(key => key.Version).Append(newest).Append(above).Max() + 1);
        while (taken.Contains(version))
        {
            version = checked(version + 1);
        }
        return new KeyMaker(connection).MakeVersion(purpose, version, keys.HandleOf(purpose, newest)!.Value);
    }

    private static bool Retire(TokenConnection connection, IReadOnlyList<AuthorisedKey> authorised, KeyPurpose purpose, uint version)
    {
        var keys = KeysOf(connection, authorised);
        if (keys.HandleOf(purpose, version) is not { } doomed || version == keys.Inventory.Newest(purpose))
        {
            throw new ArgumentException("The version is not in the token, or is the newest.", nameof(version));
        }
        using var session = connection.OpenSession(readWrite: true);
        session.Destroy(doomed);
        return true;
    }

    private static TokenKeySet KeysOf(TokenConnection connection, IReadOnlyList<AuthorisedKey> authorised) => KeyFinder.Find(
        connection.Anchor, authorised, new WrapAbility(SelfTest.ProvenWrapMechanism(connection), RecordKeyTemplates.UnwrappedBy(connection)));

    private static T OfTheModule<T>(Pkcs11HsmOptions options, Func<TokenConnection, T> act)
    {
        using var connection = TokenConnection.Open(options);
        try
        {
            return act(connection);
        }
        catch (HsmException e)
        {
            throw e.OfTheModule();
        }
    }
}
