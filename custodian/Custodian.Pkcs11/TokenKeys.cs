using Custodian.Pkcs11.Examination;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11;

/// <summary>Makes, finds and destroys the node's keys in a token, beside a node that serves or not.</summary>
public static class TokenKeys
{
    /// <summary>
    /// Makes <c>custodian/seal/1</c> (AES-256, encrypt and decrypt only), <c>custodian/wrap/1</c> (AES-256, wrap and unwrap only, what it
    /// unwraps is sensitive and not extractable) and <c>custodian/audit/1</c> (EC P-256, sign only). All sensitive, never extractable. A node
    /// that evaluates in memory gets no wrap key.
    /// </summary>
    /// <remarks>
    /// A failure in between removes what was made. A crash in between leaves a part, and the next run refuses and names it: the operator
    /// removes it, since no data can be under it yet.
    /// </remarks>
    /// <param name="options">Which token, and for which mode. Sessions and admissions play no part.</param>
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

    /// <summary>Those of <see cref="Labels"/> that a node needs and of whose purpose no version is among the labels that were found.</summary>
    /// <param name="present">What <see cref="FindAsync"/> found.</param>
    /// <param name="mode">Where the node evaluates; in memory it needs no wrap key.</param>
    public static IReadOnlyList<string> Lacking(IReadOnlyList<string> present, EvaluationMode mode) =>
    [
        .. TokenKeyNames.PurposesOf(mode).Select(purpose => TokenKeyNames.Of(purpose, TokenKeyNames.First))
            .Where(label => !present.Any(found => found.StartsWith(label[..^1], StringComparison.Ordinal))),
    ];

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

    /// <summary>The keys of a node in a token, whoever made them: those that are fit, and why the others are not.</summary>
    /// <param name="options">Which token. Sessions and admissions play no part.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <exception cref="HsmException">The token is missing or has no fit seal or wrap key, or the PIN was refused.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task<KeyInventory> ReadAsync(Pkcs11HsmOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return Task.Run(() => OfTheModule(options, connection => KeysOf(connection, options.Evaluation).Inventory), cancellationToken);
    }

    /// <summary>
    /// Makes the next version of a key, which what is new is under once the caller has noted <see cref="TokenKeyDescription.Key"/> where
    /// keys are authorised. The versions before stay, and open what is under them.
    /// </summary>
    /// <remarks>A crash before it is noted leaves a key, whole or in part, that nothing is made under; the next version is made beside it.</remarks>
    /// <param name="options">Which token, and what is authorised there. Sessions and admissions play no part.</param>
    /// <param name="purpose">Which key.</param>
    /// <param name="above">The version is above this one too, above every authorised one, and no label of the token's: what a record was ever under is never made again.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <exception cref="ArgumentException">It is the wrap key, and the node evaluates in memory.</exception>
    /// <exception cref="HsmException">The token is missing or lacks keys, the PIN was refused, or the module does not make such keys.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task<TokenKeyDescription> RotateAsync(
        Pkcs11HsmOptions options, KeyPurpose purpose, uint above, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (!TokenKeyNames.PurposesOf(options.Evaluation).Contains(purpose))
        {
            throw new ArgumentException("A node that evaluates in memory has no wrap key.", nameof(purpose));
        }
        return Task.Run(() => OfTheModule(options, connection => Rotate(connection, options, purpose, above)), cancellationToken);
    }

    /// <summary>
    /// Destroys a key: nothing under it opens ever again, no backup either. Of an audit key the private half. Whether anything is still
    /// under it is for the caller to know.
    /// </summary>
    /// <param name="options">Which token, and what is authorised there. Sessions and admissions play no part.</param>
    /// <param name="key">Which key.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <exception cref="ArgumentException">It is not there or cannot be told from another, or no newer one is authorised and there.</exception>
    /// <exception cref="HsmException">The token is missing or lacks keys, the PIN was refused, or the module does not destroy it.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task RetireAsync(Pkcs11HsmOptions options, TokenKey key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(key);
        options.Validate();
        return Task.Run(() => OfTheModule(options, connection => Retire(connection, options, key)), cancellationToken);
    }

    /// <summary>The label of a version of a key.</summary>
    /// <param name="purpose">Which key.</param>
    /// <param name="version">Which version.</param>
    public static string LabelOf(KeyPurpose purpose, uint version) => TokenKeyNames.Of(purpose, version);

    /// <summary>The label of a key.</summary>
    /// <param name="key">Which.</param>
    public static string LabelOf(TokenKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return TokenKeyNames.Of(key.Purpose, key.Version);
    }

    private static IReadOnlyList<TokenKeyDescription> Create(Pkcs11HsmOptions options) => OfTheModule(options, connection =>
    {
        var present = KeyFinder.Present(connection.Anchor);
        if (present.Count > 0)
        {
            throw new TokenKeysExistException(present);
        }

        // First, so that a module that cannot serve keeps no keys of a node that never was.
        Ability.ProveAll(connection, options.Evaluation);
        return new KeyMaker(connection).MakeAll(options.Evaluation);
    });

    private static TokenKeyDescription Rotate(
        TokenConnection connection, Pkcs11HsmOptions options, KeyPurpose purpose, uint above)
    {
        var authorised = options.Authorised ?? [];
        var found = FoundKey.AllIn(connection.Anchor);
        var fit = new KeySelection(connection.Anchor, found, options.Evaluation).Fit().FindAll(key => key.Name.Purpose == purpose);
        var before = fit.Where(key => authorised.Contains(key.Name)).MaxBy(key => key.Name.Version);
        var taken = found.Where(key => key.Purpose == purpose).Select(key => key.Version).ToHashSet();

        // Above what there was as far as it is known, and past what somebody planted to leave no number above it. Of what is authorised
        // nothing is passed over: below it there may be a version that was retired.
        var planted = fit.Select(key => key.Name.Version).Append(above).Where(one => one < int.MaxValue);
        var version = authorised.Where(key => key.Purpose == purpose).Select(key => key.Version).Concat(planted).Append(0U).Max();
        do
        {
            version = version < uint.MaxValue
                ? version + 1
                : throw new HsmException(HsmErrorClass.Fatal, 0, KeyFinder.Check, $"There is no version above {TokenKeyNames.Of(purpose, version)}; nothing was made.");
        }
        while (taken.Contains(version));
        return new KeyMaker(connection).MakeVersion(options.Evaluation, purpose, version, before?.Handle);
    }

    private static bool Retire(TokenConnection connection, Pkcs11HsmOptions options, TokenKey key)
    {
        var authorised = options.Authorised ?? [];
        var fit = new KeySelection(connection.Anchor, FoundKey.AllIn(connection.Anchor), options.Evaluation).Fit();
        var doomed = fit.Where(one => one.Name == key).ToList();
        var isOlder = fit.Any(one => one.Name.Purpose == key.Purpose && one.Name.Version > key.Version && authorised.Contains(one.Name));
        if (doomed.Count != 1 || !isOlder)
        {
            throw new ArgumentException("The key is not in the token or there twice, or no newer one is authorised.", nameof(key));
        }
        using var session = connection.OpenSession(readWrite: true);
        session.Destroy(doomed[0].Handle);
        return true;
    }

    private static TokenKeySet KeysOf(TokenConnection connection, EvaluationMode mode) =>
        KeyFinder.Find(connection.Anchor, authorised: null, WrapAbility.Of(connection, mode));

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
