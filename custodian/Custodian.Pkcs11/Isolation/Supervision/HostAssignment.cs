namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>What every process of one HSM gets, first and later ones.</summary>
/// <param name="Hsm">Which token. Its own PIN may be zeroed by now.</param>
/// <param name="Pin">A PIN that lives as long as there may be another start.</param>
/// <param name="Isolation">How the process is kept.</param>
internal sealed record HostAssignment(Pkcs11HsmOptions Hsm, HsmPin Pin, IsolationOptions Isolation)
{
    private volatile IReadOnlyList<TokenKey>? authorised = Hsm.Authorised;
    private volatile HsmException? refusedPin;

    public TimeProvider Time => Hsm.TimeProvider;

    /// <summary>How the PIN was refused, to a process that started or to one that logged in again; null while it was not.</summary>
    public HsmException? RefusedPin => refusedPin;

    /// <summary>What new things may be made under, as it was said last; the same object while that stays the same.</summary>
    public IReadOnlyList<TokenKey>? Authorised => authorised;

    /// <summary>Has the PIN sent by no further process. The first refusal says why; those after it, that it was refused before.</summary>
    public void RefusePin(HsmException failure) => Interlocked.CompareExchange(ref refusedPin, failure, null);

    /// <summary>Says what new things may be made under from now on.</summary>
    public void Authorise(IReadOnlyList<TokenKey>? keys)
    {
        if (keys is null || authorised?.SequenceEqual(keys) != true)
        {
            authorised = keys;
        }
    }
}
