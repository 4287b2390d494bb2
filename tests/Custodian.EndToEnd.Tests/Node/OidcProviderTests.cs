using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>A node that knows nothing of a certified OpenID provider but its address takes the tokens that it issues for this node.</summary>
public sealed class OidcProviderTests
{
    private const string User = "user-0017";

    [OidcProviderFact]
    public async Task Tokens_OfACertifiedProviderByDiscovery_AreTakenForThisNodeAndScopeOnly()
    {
        await using OidcProvider provider = await OidcProvider.StartAsync(User);
        await using Realm realm = await Realm.StartAsync(1);
        NodeProcess node = realm.Nodes[0];
        Expect.Success(await node.StopAsync());
        node.Reconfigure(c => c["issuers"] = new JsonArray(new JsonObject { ["issuer"] = provider.Issuer }));
        await node.StartAsync();

        using RawCaller good = Caller(realm, await provider.TokenAsync(User, node.NodeId));
        using SoloRecord record = await SoloRecord.EnrolAsync(good, realm.SetId, node.NodeId, provider.Issuer, User);
        Assert.Equal(RecordState.Active, (await record.StatusAsync()).State);

        Assert.Equal(
            (StatusCode.Unauthenticated, "TOKEN_REJECTED"), await RefusedAsync(realm, await provider.TokenAsync(User, "node-9.eu-west")));
        Assert.Equal(
            (StatusCode.PermissionDenied, "SCOPE_MISSING"), await RefusedAsync(realm, await provider.TokenAsync(User, node.NodeId, null)));
        Assert.Equal(
            (StatusCode.PermissionDenied, "SCOPE_MISSING"), await RefusedAsync(realm, await provider.TokenAsync(User, node.NodeId, "other")));
        Assert.Equal(
            (StatusCode.Unauthenticated, "TOKEN_REJECTED"), await RefusedAsync(realm, realm.Issuer.TokenFor(node.NodeId, User)));
    }

    private static RawCaller Caller(Realm realm, string token) => new(realm.Nodes[0].Address, realm.CaFile, () => token);

    private static async Task<(StatusCode Status, string Reason)> RefusedAsync(Realm realm, string token)
    {
        using RawCaller caller = Caller(realm, token);
        WireRefusal refusal = await WireRefusal.OfAsync(
            caller.Client.DescribeAsync(new DescribeRequest { SetId = realm.SetId }, caller.Headers));
        return (refusal.Status, refusal.Reason);
    }
}
