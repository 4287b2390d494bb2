namespace Custodian.Pkcs11;

/// <summary>
/// What a node asks of its HSM, in whole operations (protocol.md sections 6 and 11, architecture.md "The HSM"). Thread-safe.
/// </summary>
/// <remarks>
/// <para>The keys that matter never leave the module: a record's key k is made there, comes out only wrapped under the token's wrap
/// key, and every blob below is that wrapping and more, sealed with AES-256-GCM under the token's seal key.</para>
/// <para>At a node that evaluates in memory (<see cref="EvaluationMode.Memory"/>) k is drawn by the module, is kept only sealed under the
/// token's seal key, and lies in the clear in the module's process while it is used.</para>
/// <para>Keys have versions. What is new is under the newest that is authorised, and fails as long as none is; a blob names the versions
/// that it is under, and opens with those, authorised or not. One that
/// names a version which the token lacks is refused with class <see cref="HsmErrorClass.Data"/>, as any that does not open, and its failure
/// <see cref="HsmException.IsOfMissingKey"/>.</para>
/// <para>An operation that was started cannot be cancelled: its caller must know the outcome, because a charge is taken back only when
/// the HSM reported failure. Every operation throws <see cref="HsmException"/> when the HSM does not do it.</para>
/// <para><c>aad</c> is the caller's context, of any length and already unambiguous; a blob opens only under the aad it was sealed with,
/// and only in the role it was sealed for: a sealed key is no sealed record, and neither is a blob of <see cref="SealAsync"/>.</para>
/// </remarks>
public interface IHsm : IAsyncDisposable
{
    /// <summary>Reserves a place for one operation. Disposing the admission gives the place back.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>null when no place became free within the configured wait: the caller answers OVERLOADED, and nothing was charged.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled first.</exception>
    ValueTask<HsmAdmission?> AdmitAsync(CancellationToken cancellationToken);

    /// <summary>Makes a new P-256 key k and evaluates it at a point. Nothing stays in the HSM.</summary>
    /// <param name="admission">An admission of this HSM, not used before.</param>
    /// <param name="point">65 bytes, 04 || X || Y, already checked to be on the curve.</param>
    /// <param name="expiresUnixMs">Unix time in milliseconds from which <see cref="AdoptAsync"/> refuses the sealed key.</param>
    /// <param name="aad">The context that <see cref="AdoptAsync"/> must name again.</param>
    ValueTask<PreparedKey> PrepareAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> point, long expiresUnixMs, ReadOnlyMemory<byte> aad);

    /// <summary>
    /// Opens a sealed key and seals it with the record's masked share, as the secret part of the stored record; only once its wrap key was
    /// seen to unwrap it. One open, one unwrap, one seal; in memory no unwrap.
    /// </summary>
    /// <param name="admission">An admission of this HSM, not used before.</param>
    /// <param name="sealedKey">What <see cref="PrepareAsync"/> returned, as it came back from the client: any bytes may come here.</param>
    /// <param name="nowUnixMs">The time to hold against the key's expiry.</param>
    /// <param name="prepareAad">The context that the key was prepared under.</param>
    /// <param name="maskedShare">32 bytes.</param>
    /// <param name="recordAad">The context that <see cref="EvaluateAsync"/> must name.</param>
    /// <returns>A refusal is a value; only a failing HSM is an exception.</returns>
    ValueTask<AdoptedKey> AdoptAsync(
        HsmAdmission admission,
        ReadOnlyMemory<byte> sealedKey,
        long nowUnixMs,
        ReadOnlyMemory<byte> prepareAad,
        ReadOnlyMemory<byte> maskedShare,
        ReadOnlyMemory<byte> recordAad);

    /// <summary>Evaluates a record's key at a point: one open, one unwrap, one derive; in memory one open.</summary>
    /// <param name="admission">An admission of this HSM, not used before.</param>
    /// <param name="sealedRecord">What <see cref="AdoptAsync"/> sealed.</param>
    /// <param name="aad">The context it was sealed under.</param>
    /// <param name="point">65 bytes, 04 || X || Y, already checked to be on the curve.</param>
    /// <exception cref="HsmException">Class <see cref="HsmErrorClass.Data"/>: the record does not open under this aad.</exception>
    ValueTask<Evaluation> EvaluateAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> sealedRecord, ReadOnlyMemory<byte> aad, ReadOnlyMemory<byte> point);

    /// <summary>
    /// Brings a record's secret part, or one of the node's own secrets, under the newest seal key. Nothing of it is seen outside the HSM's
    /// process, and the record's key stays under the wrap key that it is under.
    /// </summary>
    /// <param name="admission">An admission of this HSM, not used before.</param>
    /// <param name="sealedBlob">What <see cref="AdoptAsync"/>, <see cref="SealAsync"/> or this made.</param>
    /// <param name="aad">The context it was sealed under, and is again.</param>
    /// <returns>A blob that was seen to open to the same; the same bytes where they are under the newest key.</returns>
    /// <exception cref="HsmException">Class <see cref="HsmErrorClass.Data"/>: the blob does not open under this aad.</exception>
    ValueTask<byte[]> ResealAsync(HsmAdmission admission, ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad);

    /// <summary>Seals one of the node's own secrets. Needs no admission.</summary>
    /// <param name="plaintext">0 to 65536 bytes.</param>
    /// <param name="aad">The context that <see cref="OpenAsync"/> must name.</param>
    ValueTask<byte[]> SealAsync(ReadOnlyMemory<byte> plaintext, ReadOnlyMemory<byte> aad);

    /// <summary>Opens what <see cref="SealAsync"/> sealed. The array returned is pinned; its owner zeroes it.</summary>
    /// <param name="sealedBlob">The blob.</param>
    /// <param name="aad">The context it was sealed under.</param>
    /// <exception cref="HsmException">Class <see cref="HsmErrorClass.Data"/>: the blob does not open under this aad.</exception>
    ValueTask<byte[]> OpenAsync(ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad);

    /// <summary>Signs with the token's newest audit key: ECDSA P-256 over SHA-256 of the message.</summary>
    /// <param name="message">The message, not its digest.</param>
    /// <returns>The signature and the version of its key, which belongs to whatever keeps the signature.</returns>
    ValueTask<HsmSignature> SignAsync(ReadOnlyMemory<byte> message);

    /// <summary>Fills the destination with random bytes of the HSM.</summary>
    /// <param name="destination">Any length, 0 included.</param>
    ValueTask RandomAsync(Memory<byte> destination);

    /// <summary>
    /// Looks which keys the token has now, and makes what is new under the newest that are authorised from then on: an operator makes and
    /// retires them in another process. Operations under way are not disturbed.
    /// </summary>
    /// <param name="authorised">What new things may be made under from now on; null for what was said last.</param>
    /// <exception cref="HsmException">
    /// Of a purpose no authorised key is there and fit, or two that nothing tells apart, or the token cannot be read. The HSM goes on with
    /// what it had.
    /// </exception>
    ValueTask<KeyInventory> RefreshKeysAsync(IReadOnlyList<TokenKey>? authorised = null);

    /// <summary>
    /// The health check: seals and opens a canary with the token's newest seal key itself, and makes, wraps, unwraps and evaluates a
    /// throw-away record key, so that whatever a call needs is asked; no wrapping where keys are evaluated in memory.
    /// </summary>
    /// <param name="cancellationToken">Stops waiting for the answer; the canary itself runs on.</param>
    /// <exception cref="HsmException">The HSM cannot be used now.</exception>
    ValueTask ProbeAsync(CancellationToken cancellationToken);
}
