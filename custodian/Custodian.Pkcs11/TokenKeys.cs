using Custodian.Pkcs11.Examination;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11;

/// <summary>Makes the node's keys in a token, once, for <c>custodian init</c>.</summary>
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
    /// <exception cref="TokenKeysExistException">The token has a key of one of these labels. Nothing was made.</exception>
    /// <exception cref="HsmException">The token is missing, the PIN was refused, or the module does not make such keys.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task<IReadOnlyList<TokenKeyDescription>> CreateAsync(
        Pkcs11HsmOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return Task.Run(() => Create(options), cancellationToken);
    }

    /// <summary>The labels of a node's keys, whether a token has them or not.</summary>
    public static IReadOnlyList<string> Labels { get; } = [TokenKeyNames.Seal, TokenKeyNames.Wrap, TokenKeyNames.Audit];

    /// <summary>Those of <see cref="Labels"/> that a node needs and that are not among the labels that were found.</summary>
    /// <param name="present">What <see cref="FindAsync"/> found.</param>
    /// <param name="mode">Where the node evaluates; in memory it needs no wrap key.</param>
    public static IReadOnlyList<string> Lacking(IReadOnlyList<string> present, EvaluationMode mode) =>
        [.. Labels.Except(present).Where(label => mode == EvaluationMode.Hsm || label != TokenKeyNames.Wrap)];

    /// <summary>Which of <see cref="Labels"/> a token has.</summary>
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

    private static IReadOnlyList<TokenKeyDescription> Create(Pkcs11HsmOptions options)
    {
        using var connection = TokenConnection.Open(options);
        try
        {
            var present = KeyFinder.Present(connection.Anchor);
            if (present.Count > 0)
            {
                throw new TokenKeysExistException(present);
            }

            // First, so that a module that cannot serve keeps no keys of a node that never was.
            Ability.ProveAll(connection, options.Evaluation);
            return new KeyMaker(connection).MakeAll(options.Evaluation);
        }
        catch (HsmException e)
        {
            throw e.OfTheModule();
        }
    }
}
