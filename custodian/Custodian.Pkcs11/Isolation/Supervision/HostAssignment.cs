namespace Custodian.Pkcs11.Isolation.Supervision;

/// <summary>What every process of one HSM gets, first and later ones.</summary>
/// <param name="Hsm">Which token. Its own PIN may be zeroed by now.</param>
/// <param name="Pin">A PIN that lives as long as there may be another start.</param>
/// <param name="Isolation">How the process is kept.</param>
internal sealed record HostAssignment(Pkcs11HsmOptions Hsm, HsmPin Pin, IsolationOptions Isolation)
{
    public TimeProvider Time => Hsm.TimeProvider;
}
