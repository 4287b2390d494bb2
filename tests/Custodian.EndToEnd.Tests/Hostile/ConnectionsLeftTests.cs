using Custodian.Client;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>A connection that an attacker has used up is free again for others: no flood takes one of the node's places for good.</summary>
public sealed class ConnectionsLeftTests : IAsyncLifetime
{
    private const int Attackers = 4;
    private const int Places = 12;

    private readonly AttackedNode _attacked = new();

    public static TheoryData<string> Names => [.. Floods.All.Keys];

    /// <summary>A node with few places.</summary>
    public async Task InitializeAsync()
    {
        await _attacked.InitializeAsync();
        await _attacked.Node.KillAsync();
        await _attacked.Node.StartAsync($"limits:connections={Places}");
    }

    /// <summary>Ends it.</summary>
    public async Task DisposeAsync() => await _attacked.DisposeAsync();

    [Trait("Effort", "Long")]
    [Theory]
    [MemberData(nameof(Names))]
    public async Task Flood_AgainAndAgain_LeavesEveryPlaceFree(string name)
    {
        var floods = new Floods(
            _attacked.Node.Address, _attacked.Realm.CaFile, _attacked.Realm.Issuer.TokenFor(_attacked.Node.NodeId, "an attacker"), 5000);
        for (int round = 0; round < 2 * Places / Attackers; round++)
        {
            using var ending = new CancellationTokenSource(TimeSpan.FromSeconds(1), TimeProvider.System);
            await Task.WhenAll(Enumerable.Range(0, Attackers).Select(_ => Task.Run(() => Floods.All[name](floods, ending.Token))));
        }

        Assert.True(await RecoversInTimeAsync(), "the user finds no place at the node");
    }

    /// <summary>What the attackers have left takes the node's timeouts to clear.</summary>
    private async Task<bool> RecoversInTimeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(45), TimeProvider.System);
        while (!patience.IsCancellationRequested)
        {
            try
            {
                await _attacked.RecoverAsync();
                return true;
            }
            catch (CustodyException)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None);
            }
        }

        return false;
    }
}
