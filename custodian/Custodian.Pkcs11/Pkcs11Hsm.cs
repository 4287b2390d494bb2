using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Isolation.Host;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Sealing;
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
        return RunAsync(
            admission, (session, keys) => RecordBlobs.Prepare(session, keys, point.Span, expiresUnixMs, aad.Span));
    }

    /// <inheritdoc/>
    public async ValueTask<AdoptedKey> AdoptAsync(
        HsmAdmission admission,
        ReadOnlyMemory<byte> sealedKey,
        long nowUnixMs,
        ReadOnlyMemory<byte> prepareAad,
        ReadOnlyMemory<byte> maskedShare,
        ReadOnlyMemory<byte> recordAad)
    {
        OperationRules.RequireMaskedShare(maskedShare);
        var adoption = new Adoption(sealedKey, nowUnixMs, prepareAad, maskedShare, recordAad);
        try
        {
            return await RunAsync(admission, adoption.Run).ConfigureAwait(false);
        }
        catch (HsmException e) when (e.Class == HsmErrorClass.Data && !adoption.Opened)
        {
            return new AdoptedKey(AdoptOutcome.Rejected, null);
        }
    }

    /// <inheritdoc/>
    public ValueTask<Evaluation> EvaluateAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> sealedRecord, ReadOnlyMemory<byte> aad, ReadOnlyMemory<byte> point)
    {
        OperationRules.RequirePoint(point);
        return RunAsync(
            admission, (session, keys) => RecordBlobs.Evaluate(session, keys, sealedRecord.Span, aad.Span, point.Span));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]> ResealAsync(HsmAdmission admission, ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) =>
        RunAsync(admission, (session, keys) => Resealing.Run(session, keys, sealedBlob.Span, aad.Span));

    /// <inheritdoc/>
    public ValueTask<byte[]> SealAsync(ReadOnlyMemory<byte> plaintext, ReadOnlyMemory<byte> aad)
    {
        OperationRules.RequirePlaintext(plaintext);
        return new(pool.RunAsync((session, keys) => NodeSecretBlobs.Seal(session, keys, plaintext.Span, aad.Span)));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]> OpenAsync(ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) =>
        new(pool.RunAsync((session, keys) => NodeSecretBlobs.Open(session, keys, sealedBlob.Span, aad.Span)));

    /// <inheritdoc/>
    public ValueTask<HsmSignature> SignAsync(ReadOnlyMemory<byte> message) => new(pool.RunAsync((session, keys) =>
    {
        var signature = new byte[Pkcs11Session.SignatureLength];
        var audit = keys.New.Audit;
        session.SignDigest(audit.Handle, SHA256.HashData(message.Span), signature);
        return new HsmSignature(audit.Name.Version, signature);
    }));

    /// <inheritdoc/>
    public ValueTask RandomAsync(Memory<byte> destination) => new(pool.RunAsync((session, _) =>
    {
        session.Random(destination.Span);
        return true;
    }));

    /// <inheritdoc/>
    public ValueTask<KeyInventory> RefreshKeysAsync(IReadOnlyList<TokenKey>? authorised = null) =>
        new(pool.RunAsync((session, _) => ring.Refresh(session, authorised)));

    /// <inheritdoc/>
    public ValueTask ProbeAsync(CancellationToken cancellationToken)
    {
        var probe = pool.RunAsync((session, keys) =>
        {
            SelfTest.Canary(session, keys);
            SelfTest.RecordKeyCanary(session, keys);
            return true;
        });
        return new(probe.WaitAsync(cancellationToken));
    }

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

    private async ValueTask<T> RunAsync<T>(HsmAdmission admission, Func<Pkcs11Session, TokenKeySet, T> operation)
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
