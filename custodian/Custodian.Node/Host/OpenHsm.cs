using Custodian.Pkcs11;
using Custodian.Pkcs11.Isolation;

namespace Custodian.Node.Host;

/// <summary>An HSM that was opened, wherever its module runs, and its token.</summary>
internal sealed record OpenHsm(IHsm Hsm, TokenDescription Token)
{
    /// <exception cref="HsmException">The token does not work, or the PIN is wrong: it was tried once.</exception>
    internal static async Task<OpenHsm> OpenAsync(
        HsmSettings settings, Pkcs11HsmOptions options, bool isolated, HsmWatch watch, CancellationToken cancellation)
    {
        if (isolated)
        {
            IsolatedHsm apart = await IsolatedHsm.OpenAsync(options, settings.Isolation.Options(watch.See), cancellation);
            return new OpenHsm(apart, apart.Token);
        }

        Pkcs11Hsm within = await Pkcs11Hsm.OpenAsync(options, cancellation);
        return new OpenHsm(within, within.Token);
    }
}
