using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// Keeps a user's private key with several independent custodians, and gets it back on a new device with the user's secret.
/// </summary>
/// <remarks>
/// <para>
/// Build one client from the set of custodians and a function that gives access tokens, and keep it: it is thread-safe and holds the
/// connections.
/// </para>
/// <code>
/// CustodianSet custodians = CustodianSet.Load("custodians.json");
/// await using CustodianClient client = new(custodians, new CustodianClientOptions { Token = (node, ct) =&gt; tokens.ForAsync(node, ct) });
/// </code>
/// <para>
/// <b>Enrol.</b> The key is encrypted on this device; what opens it is split over the nodes under the user's secret. No node sees the key,
/// the secret, or a share it could use. Keep the owner key of the result in the device's key store, if it has one: it can replace or delete
/// the record when the secret is forgotten, and gives nobody a guess.
/// </para>
/// <code>
/// using EnrollResult enrolled = await client.EnrollAsync(privateKey, pin, new EnrollOptions { Label = "signing key" });
/// </code>
/// <para>
/// <b>Recover</b>, on a device that has nothing. Prepare while the user types, and show the attempts left beside the input field.
/// </para>
/// <code>
/// using RecoverySession session = await client.PrepareRecoveryAsync();
/// Show(session.AttemptsLeft, session.Delay);
/// using RecoverResult recovered = await session.RecoverAsync(pin);
/// recovered.PrivateKey.CopyTo(buffer);
/// </code>
/// <para>
/// The result comes as soon as threshold nodes have answered. What goes on, above all giving the attempts back, is
/// <see cref="RecoverResult.Settlement"/>; disposing the client asynchronously waits for it. When
/// <see cref="RecoverResult.ForeignAttempts"/> is not empty, someone else was guessing: tell the user.
/// </para>
/// <para>
/// <b>Errors.</b> What a user can meet derives from <see cref="CustodyException"/> and says how each node fared:
/// <see cref="WrongSecretException"/>, <see cref="LockedException"/>, <see cref="TooFewNodesException"/>,
/// <see cref="TokenRejectedException"/>, <see cref="RecordNotFoundException"/>, <see cref="AlreadyEnrolledException"/> and others. Nodes that
/// lie are left out, and named as <see cref="NodeCondition.Faulty"/>.
/// </para>
/// <para>
/// <b>Change</b> the secret with <see cref="ChangeSecretAsync"/>; the key, or the nodes, with <c>ReplaceAsync</c>. At no instant does
/// neither the old nor the new secret recover. To move to a set of another set_id, recover with the client of the old set, enrol with that
/// of the new one, and then delete with the old one.
/// </para>
/// <para>
/// Secrets are passed as spans and copied, before a method returns, into pinned memory that is zeroed; zero your own copies. Nothing here
/// retries a wrong secret, keeps one, or logs one.
/// </para>
/// </remarks>
public sealed class CustodianClient : IAsyncDisposable, IDisposable
{
    private readonly ClientCore _core;
    private readonly ClientFlows _flows;

    /// <summary>Builds a client. Nothing is connected before the first call.</summary>
    /// <param name="custodians">The set.</param>
    /// <param name="options">How to work; <see cref="CustodianClientOptions.Token"/> is required. Copied.</param>
    /// <exception cref="ArgumentException">An option is missing or out of range.</exception>
    public CustodianClient(CustodianSet custodians, CustodianClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(custodians);
        ArgumentNullException.ThrowIfNull(options);
        _core = new ClientCore(custodians, options);
        _flows = new ClientFlows(_core);
    }

    /// <summary>The set.</summary>
    public CustodianSet Custodians => _core.Set;

    /// <summary>Keeps a private key for a user who has none kept by this set.</summary>
    /// <param name="key">The private key, any bytes, 1 to about 63 KiB. Copied before this returns.</param>
    /// <param name="secret">The user's secret. Copied before this returns.</param>
    /// <param name="options">What is kept beside the key. Null for the defaults.</param>
    /// <param name="progress">Told about each step; may be called from any thread.</param>
    /// <param name="cancellation">Cancels, and undoes what was stored, up to the first Activate; after that it has no effect.</param>
    /// <returns>The record, for the caller to dispose.</returns>
    /// <exception cref="ArgumentException">The key is empty; thrown at once.</exception>
    /// <exception cref="KeyTooLargeException">The key is too large; thrown at once.</exception>
    /// <exception cref="UnsupportedSecretException">The secret cannot be used; thrown at once.</exception>
    /// <exception cref="AlreadyEnrolledException">
    /// The user has a record, be it one that is stored and not in effect yet; see <see cref="EnrollOptions.ReplacePending"/>.
    /// </exception>
    /// <exception cref="EnrollmentRefusedException">Not enough nodes stored the record; nothing is left of it where that could be helped.</exception>
    /// <exception cref="TokenRejectedException">The tokens are not taken.</exception>
    public Task<EnrollResult> EnrollAsync(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<char> secret,
        EnrollOptions? options = null,
        IProgress<CustodyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        KeyMaterial material = KeyMaterial.Copy(key, options);
        return _flows.EnrolAsync(material, NormaliseOr(material, secret), progress, cancellation);
    }

    /// <summary>
    /// Puts a new record in the place of the user's present one, under the owner key of that: for a forgotten secret, an exhausted record, a
    /// new key, or a set whose nodes have changed.
    /// </summary>
    /// <param name="ownerKey">The present record's owner key, 32 bytes. Copied before this returns.</param>
    /// <param name="key">See <see cref="EnrollAsync"/>.</param>
    /// <param name="secret">See <see cref="EnrollAsync"/>.</param>
    /// <param name="options">See <see cref="EnrollAsync"/>.</param>
    /// <param name="progress">See <see cref="EnrollAsync"/>.</param>
    /// <param name="cancellation">See <see cref="EnrollAsync"/>.</param>
    /// <returns>The new record, for the caller to dispose.</returns>
    /// <exception cref="OwnerKeyRejectedException">The key is not the present record's.</exception>
    /// <exception cref="RecordNotFoundException">The user has no record.</exception>
    /// <exception cref="TooFewNodesException">Too few nodes answered to tell.</exception>
    /// <inheritdoc cref="EnrollAsync" path="/exception"/>
    public Task<EnrollResult> ReplaceAsync(
        SecretBytes ownerKey,
        ReadOnlySpan<byte> key,
        ReadOnlySpan<char> secret,
        EnrollOptions? options = null,
        IProgress<CustodyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ownerKey);
        KeyMaterial material = KeyMaterial.Copy(key, options);
        SecretBytes utf8 = NormaliseOr(material, secret);
        return _flows.ReplaceAsync(CopyOr(() => new SecretBytes(ownerKey.Span), material, utf8), material, utf8, progress, cancellation);
    }

    /// <summary>
    /// Puts a new record in the place of the one that was just recovered: for a new key, or a set whose nodes have changed. Unlike with the
    /// owner key alone, nodes that missed earlier changes are brought forward, and a change that was interrupted can be made again from
    /// the older record.
    /// </summary>
    /// <param name="recovered">What was recovered, not disposed; its settlement is awaited.</param>
    /// <param name="key">See <see cref="EnrollAsync"/>.</param>
    /// <param name="secret">See <see cref="EnrollAsync"/>.</param>
    /// <param name="options">See <see cref="EnrollAsync"/>.</param>
    /// <param name="progress">See <see cref="EnrollAsync"/>.</param>
    /// <param name="cancellation">See <see cref="EnrollAsync"/>.</param>
    /// <returns>The new record, for the caller to dispose.</returns>
    /// <exception cref="OwnerKeyRejectedException">Another device has replaced the record since.</exception>
    /// <exception cref="RecordNotFoundException">The record was deleted since.</exception>
    /// <exception cref="TooFewNodesException">Too few nodes answered to tell.</exception>
    /// <inheritdoc cref="EnrollAsync" path="/exception"/>
    public Task<EnrollResult> ReplaceAsync(
        RecoverResult recovered,
        ReadOnlySpan<byte> key,
        ReadOnlySpan<char> secret,
        EnrollOptions? options = null,
        IProgress<CustodyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recovered);
        KeyMaterial material = KeyMaterial.Copy(key, options);
        SecretBytes utf8 = NormaliseOr(material, secret);
        return _flows.ReplaceAsync(recovered, CopyOr(recovered.Owners, material, utf8), material, utf8, progress, cancellation);
    }

    /// <summary>Recovers with the old secret and puts a new record with the same key under the new one.</summary>
    /// <param name="oldSecret">The secret now. Copied before this returns.</param>
    /// <param name="newSecret">The secret from now on. Copied before this returns.</param>
    /// <param name="progress">See <see cref="EnrollAsync"/>.</param>
    /// <param name="cancellation">See <see cref="EnrollAsync"/>.</param>
    /// <returns>The new record, for the caller to dispose.</returns>
    /// <inheritdoc cref="RecoverySession.RecoverAsync(ReadOnlySpan{char}, CancellationToken)" path="/exception"/>
    /// <exception cref="EnrollmentRefusedException">
    /// Not enough nodes stored the new record; the old secret stays in effect, or where <see cref="EnrollmentRefusedException.IsOfReplacedRecord"/>
    /// says so, the one that had replaced it.
    /// </exception>
    /// <exception cref="OwnerKeyRejectedException">Another device has replaced the record meanwhile.</exception>
    public Task<EnrollResult> ChangeSecretAsync(
        ReadOnlySpan<char> oldSecret,
        ReadOnlySpan<char> newSecret,
        IProgress<CustodyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        SecretBytes old = Normalise(oldSecret);
        return _flows.ChangeSecretAsync(old, NormaliseOr(old, newSecret), progress, cancellation);
    }

    /// <summary>
    /// Connects, and asks the nodes what to show beside the secret's input field: attempts left, delay, nodes reached. Costs no attempt.
    /// </summary>
    /// <param name="progress">Told about each step, of the recovery too; may be called from any thread.</param>
    /// <param name="cancellation">Cancels.</param>
    /// <returns>The session, for the caller to dispose.</returns>
    /// <exception cref="RecordNotFoundException">The user has no record.</exception>
    /// <exception cref="TooFewNodesException">Too few nodes answered to tell.</exception>
    /// <exception cref="TokenRejectedException">Too few nodes took the tokens.</exception>
    public Task<RecoverySession> PrepareRecoveryAsync(
        IProgress<CustodyProgress>? progress = null, CancellationToken cancellation = default) =>
        _flows.PrepareAsync(progress, cancellation);

    /// <summary>
    /// <see cref="PrepareRecoveryAsync"/> and <see cref="RecoverySession.RecoverAsync(ReadOnlySpan{char}, CancellationToken)"/> in one.
    /// </summary>
    /// <param name="secret">The user's secret. Copied before this returns.</param>
    /// <param name="progress">Told about each step; may be called from any thread.</param>
    /// <param name="cancellation">Cancels. Attempts that were sent stay charged until the next recovery.</param>
    /// <returns>The key, for the caller to dispose.</returns>
    /// <inheritdoc cref="RecoverySession.RecoverAsync(ReadOnlySpan{char}, CancellationToken)" path="/exception"/>
    public Task<RecoverResult> RecoverAsync(
        ReadOnlySpan<char> secret, IProgress<CustodyProgress>? progress = null, CancellationToken cancellation = default) =>
        _flows.RecoverAsync(Normalise(secret), progress, cancellation);

    /// <summary>
    /// Recovers without handing out the key, and gives the attempts back: "you still know it". Costs an attempt when the secret is wrong.
    /// </summary>
    /// <inheritdoc cref="RecoverAsync(ReadOnlySpan{char}, IProgress{CustodyProgress}, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="RecoverySession.RecoverAsync(ReadOnlySpan{char}, CancellationToken)" path="/exception"/>
    public Task<CheckResult> CheckAsync(
        ReadOnlySpan<char> secret, IProgress<CustodyProgress>? progress = null, CancellationToken cancellation = default) =>
        _flows.CheckAsync(Normalise(secret), progress, cancellation);

    /// <summary>
    /// Asks every node what it holds of the user, and waits for all of them. Costs no attempt, and throws nothing for nodes that fail.
    /// </summary>
    /// <param name="progress">Told about each node; may be called from any thread.</param>
    /// <param name="cancellation">Cancels.</param>
    /// <exception cref="TokenRejectedException">The tokens name different users, or none does.</exception>
    public Task<AccountDescription> DescribeAsync(
        IProgress<CustodyProgress>? progress = null, CancellationToken cancellation = default) =>
        _flows.DescribeAsync(progress, cancellation);

    /// <summary>
    /// Deletes the user's record everywhere, and every other record of the user with it. The key cannot be recovered any more as soon as
    /// n-t+1 nodes have done so.
    /// </summary>
    /// <param name="ownerKey">The record's owner key, 32 bytes. Copied before this returns.</param>
    /// <param name="progress">Told about each node; may be called from any thread.</param>
    /// <param name="cancellation">Cancels; what was deleted stays deleted.</param>
    /// <exception cref="OwnerKeyRejectedException">The key is not that of any record the nodes show.</exception>
    /// <exception cref="RecordNotFoundException">The user has no record.</exception>
    /// <exception cref="TooFewNodesException">Too few nodes answered to tell.</exception>
    /// <exception cref="TokenRejectedException">Too few nodes took the tokens.</exception>
    public Task<DeleteResult> DeleteAsync(
        SecretBytes ownerKey, IProgress<CustodyProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ownerKey);
        return _flows.DeleteOwnedAsync(new SecretBytes(ownerKey.Span), progress, cancellation);
    }

    /// <summary>Recovers with the user's secret, and deletes the record everywhere, and every other record of the user with it.</summary>
    /// <param name="secret">The user's secret. Copied before this returns.</param>
    /// <param name="progress">Told about each step; may be called from any thread.</param>
    /// <param name="cancellation">Cancels; what was deleted stays deleted.</param>
    /// <inheritdoc cref="RecoverySession.RecoverAsync(ReadOnlySpan{char}, CancellationToken)" path="/exception"/>
    public Task<DeleteResult> DeleteAsync(
        ReadOnlySpan<char> secret, IProgress<CustodyProgress>? progress = null, CancellationToken cancellation = default) =>
        _flows.DeleteAsync(Normalise(secret), progress, cancellation);

    /// <summary>
    /// Waits for settlements that still run, each of which ends by the timeouts of its calls, and closes the connections.
    /// </summary>
    public ValueTask DisposeAsync() => _core.DisposeAsync();

    /// <summary>
    /// Closes the connections at once. Settlements that still run end, and attempts they had not given back stay used up.
    /// </summary>
    public void Dispose() => _core.Dispose();

    /// <exception cref="UnsupportedSecretException">The secret cannot be used.</exception>
    internal static SecretBytes Normalise(ReadOnlySpan<char> secret) =>
        UserSecret.TryNormalise(secret, out SecretBytes? utf8, out SecretProblem problem) ? utf8 : throw new UnsupportedSecretException(problem);

    /// <summary>A copy; where there is nothing to copy any more, zeroes what has been copied before.</summary>
    /// <exception cref="ObjectDisposedException">What is to be copied was disposed.</exception>
    internal static T CopyOr<T>(Func<T> copy, params ReadOnlySpan<IDisposable> copied)
    {
        try
        {
            return copy();
        }
        catch
        {
            foreach (IDisposable secret in copied)
            {
                secret.Dispose();
            }

            throw;
        }
    }

    private static SecretBytes NormaliseOr(IDisposable others, ReadOnlySpan<char> secret)
    {
        try
        {
            return Normalise(secret);
        }
        catch
        {
            others.Dispose();
            throw;
        }
    }
}
