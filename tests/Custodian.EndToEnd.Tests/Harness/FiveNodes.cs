namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// Five real nodes, three of which recover. Shared by test classes; each test takes a subject of its own, and brings back what it stops.
/// </summary>
[CollectionDefinition(Collection)]
public sealed class FiveNodes : IAsyncLifetime, ICollectionFixture<FiveNodes>
{
    /// <summary>The collection of the tests that share them.</summary>
    public const string Collection = "five nodes";

    internal Realm Realm { get; private set; } = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync() => Realm = await Realm.StartAsync(5);

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Realm.DisposeAsync();
}
