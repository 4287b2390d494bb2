using System.Text;
using Custodian.Protocol;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.Client.Tests;

public sealed class EnrolRecoverTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 121);

    [Fact]
    public async Task Recover_OnAFreshClient_GivesTheKeyAndWhatStandsBesideIt()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync();
        using EnrollResult enrolled = await set.NewClient()
            .EnrollAsync(Key, "482913", new EnrollOptions { Label = "my key", ContentType = "application/pkcs8" });

        using RecoverResult recovered = await set.NewClient().RecoverAsync("482913");

        Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
        Assert.True(recovered.OwnerKey.FixedTimeEquals(enrolled.OwnerKey));
        Assert.Equal(("my key", "application/pkcs8"), (recovered.Label, recovered.ContentType));
        Assert.Equal(enrolled.Record.Id, recovered.Record.Id);
        Assert.Equal(1UL, recovered.Record.Generation);
        Assert.False(recovered.IsOlderRecord);
        Assert.Empty(recovered.ForeignAttempts);
        Assert.True(enrolled.IsComplete);
        SettlementReport settled = await recovered.Settlement;
        Assert.Equal(set.Nodes.Select(n => n.Id), settled.Confirmed);
        Assert.Empty(settled.Faulty);
        Assert.All(Enumerable.Range(0, 5), i => Assert.Equal(0U, set.At(i).In(Wire.RecordState.Active)!.Used));
    }
}
