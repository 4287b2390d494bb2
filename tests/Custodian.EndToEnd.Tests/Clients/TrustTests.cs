using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;

namespace Custodian.EndToEnd.Tests.Clients;

/// <summary>Someone else answers at a node's address, or its certificate has run out: it gets no token, and the others recover.</summary>
[Collection(FiveNodes.Collection)]
public sealed class TrustTests(FiveNodes five)
{
    private const string Secret = "four words make sense";

    private Realm Realm => five.Realm;

    [Theory]
    [InlineData(true, null)]
    [InlineData(false, "elsewhere.example")]
    public async Task Recover_OneNodesCertificateIsBad_LeavesItOutAndSaysWhy(bool expired, string? host)
    {
        (string subject, string key) = (Realm.NewSubject(), Realm.NewKey());
        await Realm.EnrolAsync(subject, Secret, key);
        NodeProcess bad = Realm.Nodes[4];

        await using (await CertifiedAsync(bad, host, expired))
        {
            await using CustodianClient device = Realm.Client(subject);
            using RecoverResult recovered = await device.RecoverAsync(Secret);
            SettlementReport settlement = await recovered.Settlement;

            Assert.True(recovered.PrivateKey.FixedTimeEquals(await File.ReadAllBytesAsync(key)));
            Assert.Equal(NodeCondition.Untrusted, settlement.Nodes[NodeId.Parse(bad.NodeId)].Condition);
            Assert.Equal(4, settlement.Confirmed.Length);
        }
    }

    /// <summary>The node with another certificate until the result is disposed.</summary>
    private async Task<IAsyncDisposable> CertifiedAsync(NodeProcess node, string? host, bool expired)
    {
        await node.KillAsync();
        Realm.Surroundings.Authority.Issue(node.Folder, host, expired);
        await node.StartAsync();
        return new Recertified(Realm, node);
    }

    private sealed class Recertified(Realm realm, NodeProcess node) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await node.KillAsync();
            realm.Surroundings.Authority.Issue(node.Folder);
            await node.StartAsync();
        }
    }
}
