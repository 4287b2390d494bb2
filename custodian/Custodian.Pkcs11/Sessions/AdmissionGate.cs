using System.Threading.Channels;

namespace Custodian.Pkcs11.Sessions;

/// <summary>
/// The places and the line for them: so many admissions at once, so many callers waiting, each for so long. What cannot be served in
/// time is turned away before anything is decided or charged; at once, where the pace of the line shows that it cannot.
/// </summary>
internal sealed class AdmissionGate
{
    // A place is an item: taking one is reading, giving it back is writing; readers are served in the order they came.
    private readonly Channel<byte> _places = Channel.CreateUnbounded<byte>();
    private readonly Pkcs11HsmOptions _options;
    private readonly LinePace _pace;
    private int _waiting;

    public AdmissionGate(Pkcs11HsmOptions options)
    {
        _options = options;
        _pace = new LinePace(options.TimeProvider);
        for (var i = 0; i < options.MaxAdmitted; i++)
        {
            _places.Writer.TryWrite(0);
        }
    }

    /// <summary>An admission, or null when the line is full or too slow, the wait is over, or the gate closed.</summary>
    public async ValueTask<HsmAdmission?> EnterAsync(object owner, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entered = _places.Reader.TryRead(out _) || await WaitInLineAsync(cancellationToken).ConfigureAwait(false);
        return entered ? new HsmAdmission(owner, GiveBack) : null;
    }

    /// <summary>Turns away everyone who waits or comes.</summary>
    public void Close() => _places.Writer.TryComplete();

    private void GiveBack()
    {
        _pace.Freed(waited: Volatile.Read(ref _waiting) > 0);
        _places.Writer.TryWrite(0);
    }

    private async Task<bool> WaitInLineAsync(CancellationToken cancellationToken)
    {
        try
        {
            var position = Interlocked.Increment(ref _waiting);
            return position <= _options.MaxWaiting
                && IsInTime(position)
                && await WaitForPlaceAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    // The first in line is let wait whatever the pace: somebody must, or it would never be measured again.
    private bool IsInTime(int position) => position == 1 || _pace.WaitAt(position) is not { } wait || wait <= _options.AdmissionWait;

    private async Task<bool> WaitForPlaceAsync(CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_options.AdmissionWait, _options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await _places.Reader.ReadAsync(either.Token).ConfigureAwait(false);
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
