namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>A token that has the node's keys.</summary>
public sealed class SoftHsmWithKeys : SoftHsmToken, IAsyncLifetime
{
    private TokenKey? nextSeal;

    public IReadOnlyList<TokenKeyDescription> Keys { get; private set; } = [];

    /// <summary>Its keys and a second seal key, which is made when this is first asked of a process that has the token open.</summary>
    public IReadOnlyList<TokenKey> Rotated => [.. Made ?? [], nextSeal ??= TokenVersions.MakeInSoftHsm(KeyPurpose.Seal, 2)];

    public async Task InitializeAsync() => Keys = await CreateKeysAsync();

    public Task DisposeAsync() => Task.CompletedTask;
}
