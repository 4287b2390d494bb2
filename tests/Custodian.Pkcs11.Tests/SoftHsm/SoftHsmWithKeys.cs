namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>A token that has the node's keys.</summary>
public sealed class SoftHsmWithKeys : SoftHsmToken, IAsyncLifetime
{
    public IReadOnlyList<TokenKeyDescription> Keys { get; private set; } = [];

    public async Task InitializeAsync() => Keys = await CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;
}
