using Custodian.Pkcs11.Isolation.Host;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Sessions;

namespace Custodian.Pkcs11;

/// <summary>
/// An <see cref="IHsm"/> over a token of a PKCS#11 module whose keys <see cref="TokenKeys.CreateAsync"/> made. Linux, 64 bit.
/// </summary>
/// <remarks>
/// After a failure of class <see cref="HsmErrorClass.Fatal"/> the instance does not heal by itself: dispose it, pause, and open another.
/// Disposing finishes what runs and, with the last user of the module in this process, finalises the module, which is what brings
/// vanished tokens and restarted devices back.
/// </remarks>
public sealed class Pkcs11Hsm : IHsm
{
    private readonly KeyRing ring;
    private readonly SessionPool pool;
    private readonly AdmissionGate gate;
    private int disposed;

    private Pkcs11Hsm(Pkcs11HsmOptions options)
    {
        ring = KeyRing.Open(options);
        pool = new SessionPool(ring, options.Sessions);
        gate = new AdmissionGate(options);
    }

    /// <summary>The token in use.</summary>
    public TokenDescription Token => ring.Token;

    /// <summary>The keys in the token, and those in use.</summary>
    public KeyInventory Keys => ring.Keys.Inventory;

    /// <summary>
    /// Loads the module, logs in with one try of the PIN, finds and checks the keys, and proves by self-tests that the module does what
    /// is needed: AES-GCM and, where it evaluates, RFC 5649 wrapping of EC keys and ECDH that gives the raw x-coordinate. A process that
    /// evaluates in its own memory may from then on be neither dumped nor traced by its user.
    /// </summary>
    /// <param name="options">Which token; the PIN is copied.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    /// <exception cref="HsmException">The token, a key or an ability is missing, or the PIN was refused (class Pin).</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    /// <exception cref="PlatformNotSupportedException">Not 64-bit Linux.</exception>
    public static Task<Pkcs11Hsm> OpenAsync(Pkcs11HsmOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (options.Evaluation == EvaluationMode.Memory)
        {
            HostProcess.ForbidDumps();
        }
        return Task.Run(() => new Pkcs11Hsm(options), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<HsmAdmission?> AdmitAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed) != 0, this);
        return gate.EnterAsync(this, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<PreparedKey> PrepareAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> point, long expiresUnixMs, ReadOnlyMemory<byte> aad)
    {
        OperationRules.RequirePoint(point);
        return RunAsync(admission, HsmOperations.Prepare(point, expiresUnixMs, aad));
    }

    /// <inheritdoc/>
    public ValueTask<AdoptedKey> AdoptAsync(
        HsmAdmission admission,
        ReadOnlyMemory<byte> sealedKey,
        long nowUnixMs,
        ReadOnlyMemory<byte> prepareAad,
        ReadOnlyMemory<byte> maskedShare,
        ReadOnlyMemory<byte> recordAad)
    {
        OperationRules.RequireMaskedShare(maskedShare);
        return RunAsync(admission, HsmOperations.Adopt(sealedKey, nowUnixMs, prepareAad, maskedShare, recordAad));
    }

    /// <inheritdoc/>
    public ValueTask<Evaluation> EvaluateAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> sealedRecord, ReadOnlyMemory<byte> aad, ReadOnlyMemory<byte> point)
    {
        OperationRules.RequirePoint(point);
        return RunAsync(admission, HsmOperations.Evaluate(sealedRecord, aad, point));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]> ResealAsync(HsmAdmission admission, ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) =>
        RunAsync(admission, HsmOperations.Reseal(sealedBlob, aad));

    /// <inheritdoc/>
    public ValueTask<byte[]> SealAsync(ReadOnlyMemory<byte> plaintext, ReadOnlyMemory<byte> aad)
    {
        OperationRules.RequirePlaintext(plaintext);
        return new(pool.RunAsync(HsmOperations.Seal(plaintext, aad)));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]> OpenAsync(ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) =>
        new(pool.RunAsync(HsmOperations.Open(sealedBlob, aad)));

    /// <inheritdoc/>
    public ValueTask<HsmSignature> SignAsync(ReadOnlyMemory<byte> message) => new(pool.RunAsync(HsmOperations.Sign(message)));

    /// <inheritdoc/>
    public ValueTask RandomAsync(Memory<byte> destination) => new(pool.RunAsync(HsmOperations.Random(destination)));

    /// <inheritdoc/>
    public ValueTask<KeyInventory> RefreshKeysAsync(IReadOnlyList<TokenKey>? authorised = null) =>
        new(pool.RunAsync(HsmOperations.RefreshKeys(authorised)));

    /// <inheritdoc/>
    public ValueTask ProbeAsync(CancellationToken cancellationToken) =>
        new(pool.RunAsync(HsmOperations.Probe()).WaitAsync(cancellationToken));

    /// <summary>Has work done that waits for nothing but a session, and sees to its outcome itself.</summary>
    /// <exception cref="ObjectDisposedException">The HSM was closed.</exception>
    internal void Post(IHsmWork work) => pool.Add(work);

    /// <summary>Finishes what was started, logs out and lets go of the module.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
        {
            return;
        }
        gate.Close();
        await pool.DisposeAsync().ConfigureAwait(false);
        ring.Dispose();
    }

    private async ValueTask<T> RunAsync<T>(HsmAdmission admission, HsmOperation<T> operation)
    {
        ArgumentNullException.ThrowIfNull(admission);
        admission.Begin(this);
        try
        {
            return await pool.RunAsync(operation).ConfigureAwait(false);
        }
        finally
        {
            admission.End();
        }
    }
}
