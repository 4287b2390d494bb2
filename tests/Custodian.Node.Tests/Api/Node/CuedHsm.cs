using Custodian.Pkcs11;

namespace Custodian.Node.Tests.Api.Node;

/// <summary>The real HSM, which fails, stalls or is full on cue, as one behind a network would.</summary>
internal sealed class CuedHsm(IHsm inner) : IHsm
{
    private Exception? _failure;
    private Stall? _admission;
    private Stall? _evaluation;

    /// <summary>The latest answers of <see cref="PrepareAsync"/> and <see cref="EvaluateAsync"/>: the arrays themselves.</summary>
    internal IReadOnlyList<byte[]> LatestSecrets { get; private set; } = [];

    private int _admissions;

    /// <summary>How often a place was asked for.</summary>
    internal int Admissions => _admissions;

    /// <summary>Whether no place is free.</summary>
    internal bool IsFull { get; set; }

    /// <summary>Done before each look at the keys.</summary>
    internal Action? OnRefresh { get; set; }

    /// <summary>The next operation fails with this, after the HSM has done nothing.</summary>
    internal void FailNext(Exception failure) => _failure = failure;

    /// <summary>The next admission waits until it is let go or its token ends.</summary>
    internal Stall StallAdmission() => _admission = new Stall();

    /// <summary>The next evaluation waits until it is let go.</summary>
    internal Stall StallEvaluation() => _evaluation = new Stall();

    public async ValueTask<HsmAdmission?> AdmitAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _admissions);
        if (Interlocked.Exchange(ref _admission, null) is { } stall)
        {
            await stall.PassAsync(cancellationToken);
        }

        return IsFull ? null : await inner.AdmitAsync(cancellationToken);
    }

    public async ValueTask<PreparedKey> PrepareAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> point, long expiresUnixMs, ReadOnlyMemory<byte> aad)
    {
        ThrowOnCue();
        PreparedKey prepared = await inner.PrepareAsync(admission, point, expiresUnixMs, aad);
        LatestSecrets = [prepared.Evaluated];
        return prepared;
    }

    public ValueTask<AdoptedKey> AdoptAsync(
        HsmAdmission admission,
        ReadOnlyMemory<byte> sealedKey,
        long nowUnixMs,
        ReadOnlyMemory<byte> prepareAad,
        ReadOnlyMemory<byte> maskedShare,
        ReadOnlyMemory<byte> recordAad)
    {
        ThrowOnCue();
        return inner.AdoptAsync(admission, sealedKey, nowUnixMs, prepareAad, maskedShare, recordAad);
    }

    public async ValueTask<Evaluation> EvaluateAsync(
        HsmAdmission admission, ReadOnlyMemory<byte> sealedRecord, ReadOnlyMemory<byte> aad, ReadOnlyMemory<byte> point)
    {
        if (Interlocked.Exchange(ref _evaluation, null) is { } stall)
        {
            await stall.PassAsync(CancellationToken.None);
        }

        ThrowOnCue();
        Evaluation evaluation = await inner.EvaluateAsync(admission, sealedRecord, aad, point);
        LatestSecrets = [evaluation.Evaluated, evaluation.MaskedShare];
        return evaluation;
    }

    public ValueTask<byte[]> SealAsync(ReadOnlyMemory<byte> plaintext, ReadOnlyMemory<byte> aad) => inner.SealAsync(plaintext, aad);

    public ValueTask<byte[]> OpenAsync(ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad) => inner.OpenAsync(sealedBlob, aad);

    public ValueTask<byte[]> ResealAsync(HsmAdmission admission, ReadOnlyMemory<byte> sealedBlob, ReadOnlyMemory<byte> aad)
    {
        ThrowOnCue();
        return inner.ResealAsync(admission, sealedBlob, aad);
    }

    public ValueTask<HsmSignature> SignAsync(ReadOnlyMemory<byte> message) => inner.SignAsync(message);

    public async ValueTask<KeyInventory> RefreshKeysAsync(IReadOnlyList<TokenKey>? authorised = null)
    {
        OnRefresh?.Invoke();
        return await inner.RefreshKeysAsync(authorised);
    }

    public ValueTask RandomAsync(Memory<byte> destination) => inner.RandomAsync(destination);

    public ValueTask ProbeAsync(CancellationToken cancellationToken) => inner.ProbeAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private void ThrowOnCue()
    {
        if (Interlocked.Exchange(ref _failure, null) is { } failure)
        {
            throw failure;
        }
    }
}

/// <summary>A place where an operation waits for a test.</summary>
internal sealed class Stall
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the operation has come here.</summary>
    internal Task Reached => _reached.Task;

    internal void LetGo() => _go.SetResult();

    internal async Task PassAsync(CancellationToken cancellationToken)
    {
        _reached.SetResult();
        await _go.Task.WaitAsync(cancellationToken);
    }
}
