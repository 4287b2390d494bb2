using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// Five real nodes, three of which recover, for tests that attack them. Shared by test classes; each test takes a subject of its own.
/// </summary>
[CollectionDefinition(Collection)]
public sealed class AttackedNodes : IAsyncLifetime, ICollectionFixture<AttackedNodes>
{
    /// <summary>The collection of the tests that share them.</summary>
    public const string Collection = "attacked nodes";

    /// <summary>What the users of these tests have as their secret.</summary>
    internal const string Secret = "four words make sense";

    internal Realm Realm { get; private set; } = null!;

    /// <summary>What they keep.</summary>
    internal static byte[] Key { get; } = [.. Enumerable.Range(0, 200).Select(i => (byte)i)];

    /// <inheritdoc/>
    public async Task InitializeAsync() => Realm = await Realm.StartAsync(5);

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Realm.DisposeAsync();

    /// <summary>
    /// A user who is enrolled at all five nodes, or the first so many, of which a majority recovers, with <see cref="Secret"/> and
    /// <see cref="Key"/>; the caller disposes the result.
    /// </summary>
    internal async Task<(string Subject, EnrollResult Enrolled)> EnrolAsync(Action<CustodianClientOptions>? change = null, int among = 5)
    {
        string subject = Realm.NewSubject();
        await using CustodianClient device = Realm.Client(subject, change, among);
        EnrollResult enrolled = await device.EnrollAsync(Key, Secret);
        Assert.True(enrolled.IsComplete, $"not complete: {string.Join(", ", enrolled.Nodes)}");
        return (subject, enrolled);
    }

    /// <summary>That the secret still gives the key, on a device that knows nothing, and that every node gives the attempt back.</summary>
    internal async Task AssertRecoversAsync(string subject, string secret = Secret, int confirmed = 5)
    {
        await using CustodianClient device = Realm.Client(subject);
        using RecoverResult recovered = await device.RecoverAsync(secret);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key), "another key came back");
        Assert.Equal(confirmed, (await recovered.Settlement).Confirmed.Length);
    }
}
