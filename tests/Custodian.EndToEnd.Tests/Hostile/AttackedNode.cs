using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>
/// A realm of one node, so that nobody recovers without the node that is attacked, and a user who does not attack: their device makes
/// recoveries, from another address than the attackers'.
/// </summary>
[CollectionDefinition(Collection)]
public sealed class AttackedNode : IAsyncLifetime, ICollectionFixture<AttackedNode>
{
    /// <summary>The collection of the tests that attack it.</summary>
    public const string Collection = "an attacked node";

    private const string Secret = "four words make sense";

    private readonly string _subject = "a user";
    private byte[] _key = [];

    internal Realm Realm { get; private set; } = null!;

    internal NodeProcess Node => Realm.Nodes[0];

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        // Its memory is measured: with the collector that ships, which lets less gather than the one that test runs switch to.
        Realm = await Realm.StartAsync(1, prepare: node => node.SetEnvironment("DOTNET_gcConcurrent", "1"));
        string file = Realm.NewKey();
        await Realm.EnrolAsync(_subject, Secret, file);
        _key = await File.ReadAllBytesAsync(file);
        await RecoverAsync();
        AtRest = Resident;

        // Kestrel says so of a connection whose peer floods it. Its place comes back all the same: ConnectionsLeftTests.
        Realm.Expected.Add("application never completed");
    }

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Realm.DisposeAsync();

    /// <summary>The user recovers on a new device.</summary>
    internal async Task RecoverAsync()
    {
        await using CustodianClient device = Realm.Client(_subject);
        using RecoverResult recovered = await device.RecoverAsync(Secret);
        Assert.True(recovered.PrivateKey.FixedTimeEquals(_key));
        Assert.Single((await recovered.Settlement).Confirmed);
    }

    /// <summary>A caller with good tokens for a subject.</summary>
    internal RawCaller CallerFor(string subject) =>
        new(Node.Address, Realm.CaFile, () => Realm.Issuer.TokenFor(Node.NodeId, subject)) { Subject = subject };

    /// <summary>Resident memory before the first attack, in MiB.</summary>
    internal int AtRest { get; private set; }

    /// <summary>Resident memory now, in MiB.</summary>
    internal int Resident => Status("VmRSS:");

    /// <summary>The most resident memory since <see cref="ForgetPeak"/>, in MiB.</summary>
    internal int Peak => Status("VmHWM:");

    /// <summary>Begins a new peak.</summary>
    internal void ForgetPeak() => File.WriteAllText($"/proc/{Node.Process.Id}/clear_refs", "5");

    private int Status(string name) => int.Parse(
        File.ReadLines($"/proc/{Node.Process.Id}/status").Single(l => l.StartsWith(name, StringComparison.Ordinal)).Split(' ')[^2],
        System.Globalization.CultureInfo.InvariantCulture) / 1024;
}
