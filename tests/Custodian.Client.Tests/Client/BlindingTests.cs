using System.Collections.Concurrent;
using Custodian.Protocol;
using Google.Protobuf;

namespace Custodian.Client.Tests;

/// <summary>What a node is shown of the secret: points that are new each time, so that they say nothing (protocol.md section 6).</summary>
public sealed class BlindingTests
{
    [Fact]
    public void Blind_SameSecretRecordAndNode_IsAnotherPointEachTime()
    {
        const int Times = 100;
        using SecretBytes stretched = new(RepeatableBytes.Of("stretched", 32));
        var record = RecordId.Draw();
        HashSet<ByteString> points = [];
        for (int i = 0; i < Times; i++)
        {
            using BlindedInput input = new(RecordsOnPaper.Account, record, RecordsOnPaper.Node(1), stretched);
            ByteString point = input.Blind();
            points.Add(point);
            Assert.Equal(point, input.Blind());
        }

        Assert.Equal(Times, points.Count);
    }

    [Fact]
    public async Task Recover_SameSecretAgainAndOneAnswerLost_ShowsANewPointToEachNodeForEachAttemptAndTheSameWhenSentAgain()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 3, threshold: 2);
        set.ExpectedWarnings.Add("Attempts at record");
        (await set.EnrolAsync("private key"u8.ToArray(), "secret")).Dispose();
        ConcurrentBag<(NodeId Node, ByteString Attempt, ByteString Point)> seen = [];
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Evaluate = (request, _) => seen.Add((node.Id, request.AttemptId, request.Blinded));
        }

        await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().RecoverAsync("guess"));
        await Assert.ThrowsAsync<WrongSecretException>(() => set.NewClient().RecoverAsync("guess"));
        set[0].Script.LosesAnswer = method => method == "Evaluate" && set[0].Script.Count("Evaluate") == 3;
        using RecoverResult recovered = await set.NewClient().RecoverAsync("secret");
        await recovered.Settlement;

        var attempts = seen.GroupBy(s => (s.Node, s.Attempt), s => s.Point).ToArray();
        Assert.Equal(9, attempts.Length);
        Assert.Equal([2, 1, 1, 1, 1, 1, 1, 1, 1], attempts.Select(points => points.Count()).OrderDescending());
        Assert.All(attempts, points => Assert.Single(points.Distinct()));
        Assert.Equal(9, seen.Select(s => s.Point).Distinct().Count());
    }
}
