namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>A token with keys, opened with four sessions for a whole test class.</summary>
public sealed class OpenSoftHsm : SoftHsmToken, IAsyncLifetime
{
    private Pkcs11Hsm? hsm;

    public Pkcs11Hsm Hsm => hsm ?? throw new InvalidOperationException("The fixture is not initialised.");

    public async Task InitializeAsync()
    {
        await CreateKeysAsync();
        hsm = await Pkcs11Hsm.OpenAsync(Options(sessions: 4), CancellationToken.None);
    }

    public async Task DisposeAsync() => await Hsm.DisposeAsync();
}
