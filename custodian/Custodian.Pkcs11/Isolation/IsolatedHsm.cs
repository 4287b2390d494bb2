using System.Security.Cryptography;
using Custodian.Pkcs11.Isolation.Frames;
using Custodian.Pkcs11.Isolation.Supervision;
using Custodian.Pkcs11.Sessions;

namespace Custodian.Pkcs11.Isolation;

/// <summary>
/// An <see cref="IHsm"/> whose PKCS#11 module runs in a process of its own (see <see cref="Host.HsmHost"/>). One operation is one round
/// trip over a pair of pipes; many are under way at once.
/// </summary>
/// <remarks>
/// <para>A process that dies, hangs past its deadline, takes too much memory or fails its canary is killed and replaced, with pauses that
/// grow. Until another is ready, admissions and operations fail with an <see cref="HsmException"/> of class
/// <see cref="HsmErrorClass.Fatal"/>; after a refused PIN, of class <see cref="HsmErrorClass.Pin"/>, and no further start is tried.
/// So this object heals by itself, where a <see cref="Pkcs11Hsm"/> must be opened anew.</para>
/// <para>An operation that failed because its process is gone was not done for anyone: it fails only when the process has ended and all
/// that it had answered is read.</para>
/// </remarks>
public sealed class IsolatedHsm : IHsm
{
    /// <summary>How many random bytes one round trip brings at most.</summary>
    internal const int RandomPiece = 64 * 1024;

    private readonly HostSupervisor supervisor;
    private readonly AdmissionGate gate;
    private int disposed;

    private IsolatedHsm(Pkcs11HsmOptions options, HostSupervisor supervisor)
    {
        this.supervisor = supervisor;
        gate = new AdmissionGate(options);
    }

    /// <summary>The token in use.</summary>
    public TokenDescription Token => supervisor.Ready.Token;

    /// <summary>The versions of the keys as the process last told them.</summary>
    public KeyInventory Keys => supervisor.Keys;

    /// <summary>Starts a process and has it open the token, as <see cref="Pkcs11Hsm"/> does in this process.</summary>
    /// <param name="options">Which token; the PIN is copied, and kept for later starts.</param>
    /// <param name="isolation">How to keep the process.</param>
    /// <param name="cancellationToken">Gives up; the process is ended.</param>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    /// <exception cref="HsmException">The process does not start, the token, a key or an ability is missing, or the PIN was refused.</exception>
    public static async Task<IsolatedHsm> OpenAsync(
        Pkcs11HsmOptions options, IsolationOptions isolation, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(isolation);
        options.Validate();
        isolation.Validate();
        var assignment = new HostAssignment(options, options.Pin.Copy(), isolation);
        try
        {
            return new IsolatedHsm(options, await HostSupervisor.StartAsync(assignment, cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            assignment.Pin.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<HsmAdmission?> AdmitAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed) != 0, this);

        // Nothing is decided or charged for an HSM that is away; and it may have gone while the caller stood in line.
        supervisor.RequireServing();
        var admission = await gate.EnterAsync(this, cancellationToken).ConfigureAwait(false);
        try
        {
            supervisor.RequireServing();
            return admission;
        }
        catch (HsmException)
        {
            admission?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<PreparedKey> PrepareAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> point, long expiresUnixMs, ReadOnlyMemory<byte> aad)
    {
        OperationRules.RequirePoint(point);
        return RunAsync(
            admission, RequestFrames.Prepare(point.Span, expiresUnixMs, aad.Span), AnswerFrames.ReadPrepared, usesKey: true);
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
        var request = RequestFrames.Adopt(sealedKey.Span, nowUnixMs, prepareAad.Span, maskedShare.Span, recordAad.Span);
        return RunAsync(admission, request, AnswerFrames.ReadAdopted);
    }

    /// <inheritdoc/>
    public ValueTask<Evaluation> EvaluateAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> sealedRecord, ReadOnlyMemory<byte> aad, ReadOnlyMemory<byte> point)
    {
        OperationRules.RequirePoint(point);
        return RunAsync(
            admission, RequestFrames.Evaluate(sealedRecord.Span, aad.Span, point.Span), AnswerFrames.ReadEvaluated, usesKey: true);
    }

    /// <inheritdoc/>
    public ValueTask<byte[]> ResealAsync(HsmAdmission admission, ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) =>
        RunAsync(admission, RequestFrames.Reseal(sealedBlob.Span, aad.Span), AnswerFrames.ReadBytes);

    /// <inheritdoc/>
    public ValueTask<byte[]> SealAsync(ReadOnlyMemory<byte> plaintext, ReadOnlyMemory<byte> aad)
    {
        OperationRules.RequirePlaintext(plaintext);
        return new(CallAsync(RequestFrames.Seal(plaintext.Span, aad.Span), AnswerFrames.ReadBytes));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]> OpenAsync(ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) =>
        new(CallAsync(RequestFrames.Unseal(sealedBlob.Span, aad.Span), AnswerFrames.ReadSecret));

    /// <inheritdoc/>
    public ValueTask<HsmSignature> SignAsync(ReadOnlyMemory<byte> message) =>
        new(CallAsync(RequestFrames.Sign(message.Span), AnswerFrames.ReadSigned));

    /// <inheritdoc/>
    public async ValueTask RandomAsync(Memory<byte> destination)
    {
        for (var rest = destination; !rest.IsEmpty;)
        {
            var piece = rest[..Math.Min(rest.Length, RandomPiece)];
            var drawn = await CallAsync(RequestFrames.Random(piece.Length), AnswerFrames.ReadSecret).ConfigureAwait(false);
            drawn.CopyTo(piece);
            CryptographicOperations.ZeroMemory(drawn);
            rest = rest[piece.Length..];
        }
    }

    /// <inheritdoc/>
    public async ValueTask<KeyInventory> RefreshKeysAsync(IReadOnlyList<TokenKey>? authorised = null)
    {
        // Before it is asked for: a process that takes over in between is told as well.
        var before = supervisor.Authorised;
        supervisor.Authorise(authorised ?? before);
        try
        {
            var keys = await CallAsync(RequestFrames.Keys(authorised ?? before), AnswerFrames.ReadKeys).ConfigureAwait(false);
            supervisor.Saw(keys);
            return keys;
        }
        catch (HsmException)
        {
            // With what was refused no later process would start. Whoever asked asks again.
            supervisor.Authorise(before);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask ProbeAsync(CancellationToken cancellationToken) =>
        new(CallAsync(RequestFrames.Probe(), AnswerFrames.ReadNothing).WaitAsync(cancellationToken));

    /// <summary>Finishes what was started and ends the process.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
        {
            return;
        }
        gate.Close();
        await supervisor.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask<T> RunAsync<T>(
        HsmAdmission admission, FrameBuffer request, AnswerDecoder<T> decode, bool usesKey = false)
    {
        try
        {
            ArgumentNullException.ThrowIfNull(admission);
            admission.Begin(this);
        }
        catch
        {
            request.Dispose();
            throw;
        }
        try
        {
            return await CallAsync(request, decode, usesKey).ConfigureAwait(false);
        }
        finally
        {
            admission.End();
        }
    }

    private Task<T> CallAsync<T>(FrameBuffer request, AnswerDecoder<T> decode, bool usesKey = false)
    {
        if (Volatile.Read(ref disposed) != 0)
        {
            request.Dispose();
            throw new ObjectDisposedException(nameof(IsolatedHsm));
        }
        var call = new PendingCall<T>(decode);
        supervisor.Send(request, call, usesKey);
        return call.Task;
    }
}
