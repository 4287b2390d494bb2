namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>One real node, for tests that need no quorum. Shared by test classes; each test takes a subject of its own.</summary>
[CollectionDefinition(Collection)]
public sealed class SingleNode : IAsyncLifetime, ICollectionFixture<SingleNode>
{
    /// <summary>The collection of the tests that share it.</summary>
    public const string Collection = "one node";

    internal Realm Realm { get; private set; } = null!;

    internal NodeProcess Node => Realm.Nodes[0];

    /// <inheritdoc/>
    public async Task InitializeAsync() => Realm = await Realm.StartAsync(1);

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Realm.DisposeAsync();

    /// <summary>A subject that no other test has.</summary>
    internal string NewSubject() => Realm.NewSubject();

    /// <summary>A caller with good tokens for a subject.</summary>
    internal RawCaller CallerFor(string subject) =>
        new(Node.Address, Realm.CaFile, () => Realm.Issuer.TokenFor(Node.NodeId, subject)) { Subject = subject };

    /// <summary>A caller with any tokens, or none.</summary>
    internal RawCaller CallerWith(Func<string?> token) => new(Node.Address, Realm.CaFile, token);

    /// <summary>An ACTIVE record of a subject of its own.</summary>
    internal async Task<(SoloRecord Record, RawCaller Caller)> EnrolAsync(int maxAttempts = 10)
    {
        string subject = NewSubject();
        RawCaller caller = CallerFor(subject);
        return (await SoloRecord.EnrolAsync(caller, Realm.SetId, Node.NodeId, Realm.Issuer.Name, subject, maxAttempts), caller);
    }
}
