using System.Threading.Channels;

namespace Custodian.Pkcs11.Sessions;

/// <summary>
/// The places and the line for them: so many admissions at once, so many callers waiting, each for so long. What cannot be served in
/// time is turned away before anything is decided or charged.
/// </summary>
internal sealed class AdmissionGate
{
    // A place is an item: taking one is reading, giving it back is writing; readers are served in the order they came.
    private readonly Channel<byte> places = Channel.CreateUnbounded<byte>();
    private readonly Pkcs11HsmOptions options;
    private int waiting;

    public AdmissionGate(Pkcs11HsmOptions options)
    {
        this.options = options;
        for (var i = 0; i < options.MaxAdmitted; i++)
        {
            GiveBack();
        }
    }

    /// <summary>An admission, or null when the line is full, the wait is over, or the gate closed.</summary>
    public async ValueTask<HsmAdmission?> EnterAsync(object owner, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entered = places.Reader.TryRead(out _) || await WaitInLineAsync(cancellationToken).ConfigureAwait(false);
        return entered ? new HsmAdmission(owner, GiveBack) : null;
    }

    /// <summary>Turns away everyone who waits or comes.</summary>
    public void Close() => places.Writer.TryComplete();

    private void GiveBack() => places.Writer.TryWrite(0);

    private async Task<bool> WaitInLineAsync(CancellationToken cancellationToken)
    {
        try
        {
            return Interlocked.Increment(ref waiting) <= options.MaxWaiting
                && await WaitForPlaceAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    private async Task<bool> WaitForPlaceAsync(CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.AdmissionWait, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await places.Reader.ReadAsync(either.Token).ConfigureAwait(false);
            return true;
        }
        catch (ChannelClosedException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
