using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Isolation;

/// <summary>A token with keys, opened with four sessions in a process of its own, for a whole test class.</summary>
public sealed class OpenIsolatedHsm : SoftHsmToken, IAsyncLifetime
{
    private IsolatedHsm? hsm;

    public IsolatedHsm Hsm => hsm ?? throw new InvalidOperationException("The fixture is not initialised.");

    public async Task InitializeAsync()
    {
        await CreateKeysAsync();
        hsm = await IsolatedHsm.OpenAsync(
            Options(sessions: 4), new IsolationOptions { Program = TestHosts.Sound(this) }, CancellationToken.None);
    }

    public async Task DisposeAsync() => await Hsm.DisposeAsync();
}
