using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>Someone with a user's token for a node where the user has no record puts one of their own there.</summary>
[Collection(AttackedNodes.Collection)]
public sealed class SquattingTests(AttackedNodes nodes)
{
    private const int Empty = 4;
    private const ulong FarAbove = 1UL << 33;

    private Realm Realm => nodes.Realm;

    private NodeProcess Squatted => Realm.Nodes[Empty];

    [Theory]
    [InlineData(1)]
    [InlineData(FarAbove)]
    public async Task Enrol_ANodeIsSquatted_NamesItAndSucceedsWithoutItWhereTheCallerAllows(ulong generation)
    {
        string subject = Realm.NewSubject();
        await SquatAsync(subject, generation, Squatted);
        await using CustodianClient strict = Realm.Client(subject);
        await using CustodianClient lenient = Realm.Client(subject, o => o.AllowPartialEnrolment = true);

        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => strict.EnrollAsync(AttackedNodes.Key, AttackedNodes.Secret));
        using EnrollResult enrolled = await lenient.EnrollAsync(AttackedNodes.Key, AttackedNodes.Secret);

        NodeOutcome squatted = refused.Nodes[NodeId.Parse(Squatted.NodeId)];
        Assert.Equal(NodeCondition.NotAsked, squatted.Condition);
        Assert.Contains("owner key is not known", squatted.Explanation, StringComparison.Ordinal);
        Assert.Equal(4, enrolled.Active.Length);
        await nodes.AssertRecoversAsync(subject, confirmed: 4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(FarAbove)]
    public async Task Recover_TheNodeThatMissedTheEnrolmentIsSquatted_GivesTheKeyAndTheSecretCanBeChanged(ulong generation)
    {
        string subject = Realm.NewSubject();
        await using (CustodianClient device = Realm.Client(subject, o => Without(o, subject, Squatted)))
        {
            (await device.EnrollAsync(AttackedNodes.Key, AttackedNodes.Secret)).Dispose();
        }

        await SquatAsync(subject, generation, Squatted);

        await using CustodianClient later = Realm.Client(subject, o => o.AllowPartialEnrolment = true);
        using RecoverySession session = await later.PrepareRecoveryAsync();
        Assert.Equal((1UL, 10), (session.Record.Generation, session.AttemptsLeft));
        using EnrollResult changed = await later.ChangeSecretAsync(AttackedNodes.Secret, "another secret");

        Assert.Equal(4, changed.Active.Length);
        await nodes.AssertRecoversAsync(subject, "another secret", confirmed: 4);
    }

    [Fact]
    public async Task Enrol_TwoNodesAreSquattedWithOneRecord_IsRefusedAndLeavesNothing()
    {
        string subject = Realm.NewSubject();
        await SquatAsync(subject, 7, Realm.Nodes[3], Squatted);
        using var thief = new Thief(Realm, subject);
        await using CustodianClient device = Realm.Client(subject, o => o.AllowPartialEnrolment = true);

        // Three nodes are left, and a record must survive the loss of one.
        var refused = await Assert.ThrowsAsync<EnrollmentRefusedException>(() => device.EnrollAsync(AttackedNodes.Key, AttackedNodes.Secret));

        Assert.Equal(2, refused.Nodes.Values.Count(n => n.Condition == NodeCondition.NotAsked));
        Assert.All(await thief.DescribeAsync(Realm.Nodes[0]), r => Assert.Equal(Protocol.Wire.RecordState.Destroyed, r.State));
        await Assert.ThrowsAsync<RecordNotFoundException>(() => device.RecoverAsync(AttackedNodes.Secret));
    }

    private async Task SquatAsync(string subject, ulong generation, params NodeProcess[] squatted)
    {
        using var thief = new Thief(Realm, subject);
        using ForgedRecord own = ForgedRecord.Make(Realm, thief.Account, f => f with { Generation = generation });
        foreach (NodeProcess node in squatted)
        {
            await thief.DepositAsync(node, own);
            await thief.ActivateAsync(node, own.Header, own.Keys.Owner);
        }
    }

    private void Without(CustodianClientOptions options, string subject, NodeProcess missing)
    {
        options.AllowPartialEnrolment = true;
        options.Token = (node, _) => node.Value == missing.NodeId
            ? throw new InvalidOperationException("no token for this node")
            : ValueTask.FromResult(Realm.Issuer.TokenFor(node.Value, subject));
    }
}
