namespace Custodian.Pkcs11;

/// <summary>
/// A place for one operation of an <see cref="IHsm"/>, from <see cref="IHsm.AdmitAsync"/>. Disposing it gives the place back; while
/// its operation still runs, the place is given back at that operation's end.
/// </summary>
public sealed class HsmAdmission : IDisposable
{
    private readonly object owner;
    private readonly Action release;
    private readonly Lock gate = new();
    private bool used;
    private bool disposed;
    private bool running;

    internal HsmAdmission(object owner, Action release)
    {
        this.owner = owner;
        this.release = release;
    }

    /// <summary>Gives the place back. A second call does nothing.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed)
            {
                return;
            }
            disposed = true;
            if (running)
            {
                return;
            }
        }
        release();
    }

    /// <summary>Marks the start of the one operation this place is for.</summary>
    /// <exception cref="ArgumentException">The admission is another HSM's.</exception>
    /// <exception cref="ObjectDisposedException">The place was given back.</exception>
    /// <exception cref="InvalidOperationException">The place served an operation already.</exception>
    internal void Begin(object hsm)
    {
        if (!ReferenceEquals(owner, hsm))
        {
            throw new ArgumentException("The admission belongs to another HSM.");
        }
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (used)
            {
                throw new InvalidOperationException("An admission serves one operation.");
            }
            used = true;
            running = true;
        }
    }

    /// <summary>Marks the end of the operation, whatever its outcome.</summary>
    internal void End()
    {
        lock (gate)
        {
            running = false;
            if (!disposed)
            {
                return;
            }
        }
        release();
    }
}
