using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Modes;

/// <summary>A token of a node that evaluates in memory, opened with four sessions for a whole test class.</summary>
public sealed class OpenInMemory : SoftHsmToken, IAsyncLifetime
{
    private Pkcs11Hsm? hsm;

    public Pkcs11Hsm Hsm => hsm ?? throw new InvalidOperationException("The fixture is not initialised.");

    public async Task InitializeAsync()
    {
        await CreateKeysAsync(EvaluationMode.Memory);
        hsm = await Pkcs11Hsm.OpenAsync(Options(sessions: 4, evaluation: EvaluationMode.Memory), CancellationToken.None);
    }

    public async Task DisposeAsync() => await Hsm.DisposeAsync();
}

/// <summary>The same in a process of its own.</summary>
public sealed class OpenIsolatedInMemory : SoftHsmToken, IAsyncLifetime
{
    private IsolatedHsm? hsm;

    public IsolatedHsm Hsm => hsm ?? throw new InvalidOperationException("The fixture is not initialised.");

    public async Task InitializeAsync()
    {
        await CreateKeysAsync(EvaluationMode.Memory);
        hsm = await IsolatedHsm.OpenAsync(
            Options(sessions: 4, evaluation: EvaluationMode.Memory), new IsolationOptions { Program = TestHosts.Sound(this) }, CancellationToken.None);
    }

    public async Task DisposeAsync() => await Hsm.DisposeAsync();
}
