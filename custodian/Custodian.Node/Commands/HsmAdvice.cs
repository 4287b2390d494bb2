using Custodian.Node.Host;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>What an operator can do about a failing HSM.</summary>
internal static class HsmAdvice
{
    internal static string For(HsmException error, HsmSettings hsm)
    {
        string call = error.ReturnValue == 0 || error.Message.Contains(error.Function, StringComparison.Ordinal) ? "" : $" ({error.Function}, CK_RV 0x{error.ReturnValue:x})";
        string what = $"the HSM's token '{hsm.TokenLabel}' does not work: {error.Message.TrimEnd('.')}{call}";
        string advice = error.Class switch
        {
            HsmErrorClass.Pin => "the PIN was tried once and will not be tried again by itself, since an HSM locks after a few wrong ones; check the PIN and start again",
            HsmErrorClass.Fatal => "check that the module finds its configuration (SoftHSM: SOFTHSM2_CONF) and that the token is there, or ask 'custodian doctor'",
            _ => "start again, and look into the HSM's own log if it goes on",
        };
        return $"{what}; {advice}";
    }
}
