using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>
/// Five real nodes, three of which recover, each behind a <see cref="FaultProxy"/>. Shared by test classes; each test takes a subject of its
/// own, and mends what it breaks.
/// </summary>
[CollectionDefinition(Collection)]
public sealed class FaultyNodes : IAsyncLifetime, ICollectionFixture<FaultyNodes>
{
    /// <summary>The collection of the tests that share them.</summary>
    public const string Collection = "five nodes behind proxies";

    internal Realm Realm { get; private set; } = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync() => Realm = await Realm.StartAsync(5, proxied: true);

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Realm.DisposeAsync();
}
