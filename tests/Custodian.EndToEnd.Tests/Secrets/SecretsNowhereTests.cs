using System.Text;
using Custodian.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Secrets;

/// <summary>
/// A key and a secret that are marked, enrolled and recovered on a device of its own process with three real nodes: then everything that is
/// left of it is searched for the marks.
/// </summary>
public sealed class SecretsNowhereTests(MarkedRealm marked, ITestOutputHelper output) : IClassFixture<MarkedRealm>
{
    [Fact]
    public async Task Device_AfterDispose_HoldsNothingOfKeySecretOrShares()
    {
        MarkSearch before = InMemoryOf(marked.Device.Process, [marked.Key, marked.Secret[0], Owner]);
        Assert.Equal(new HashSet<string> { marked.Key.Name, marked.Secret[0].Name, Owner.Name }, before.Seen.ToHashSet());

        await marked.Device.HoldAsync([.. marked.Secrets.SelectMany(m => m.Bytes)]);
        Assert.Equal(marked.Secrets.Length, InMemoryOf(marked.Device.Process, marked.Secrets).Seen.Count());

        await marked.Device.DisposeAllAsync();
        Nothing(InMemoryOf(marked.Device.Process, marked.Secrets));
        await marked.Device.CollectAsync();
        Nothing(InMemoryOf(marked.Device.Process, marked.Secrets));
    }

    [Fact]
    public void NodesMemory_AfterEnrolmentAndRecovery_HoldsNothingOfKeySecretOrShares()
    {
        foreach (NodeProcess node in marked.Realm.Nodes)
        {
            MarkSearch search = InMemoryOf(node.Process, [.. marked.Secrets, .. marked.Tokens, .. marked.Insider.Masked, NameOf(node)]);

            Assert.Contains(NameOf(node).Name, search.Seen);
            Assert.DoesNotContain(search.Sightings, s => marked.Secrets.Any(m => m.Name == s.Mark));
            output.WriteLine($"{node.NodeId} still has in memory: {string.Join("; ", search.Sightings.Where(s => s.Offset == 0))}");
        }
    }

    [Fact]
    public async Task HsmProcessesMemory_AfterEnrolmentAndRecovery_HoldsNothingOfKeySecretOrShares()
    {
        var module = new Mark("the module's path", Encoding.ASCII.GetBytes(NodeProcess.SoftHsm));
        foreach (NodeProcess node in marked.Realm.Nodes)
        {
            var search = new MarkSearch([.. marked.Secrets, .. marked.Tokens, .. marked.Insider.Masked, module]);
            search.SearchMemory(await HsmHostProcess.OfAsync(node));

            output.WriteLine($"searched {search.Searched >> 20} MiB of the HSM process of {node.NodeId}, which has: {string.Join("; ", search.Seen)}");
            Assert.Contains(module.Name, search.Seen);
            Assert.DoesNotContain(search.Sightings, s => marked.Secrets.Concat(marked.Tokens).Any(m => m.Name == s.Mark));
        }
    }

    [Fact]
    public async Task Files_OfNodesAndDevice_HoldNothingOfKeySecretSharesOrTokens()
    {
        string backup = marked.Realm.NewFile("backup.db");
        Expect.Success(await marked.Realm.Nodes[0].RunAsync("backup", "--to", backup));
        Assert.NotEqual(0, new FileInfo(backup).Length);
        Mark[] marks = [.. marked.Secrets, .. marked.Insider.Masked, .. marked.Tokens];
        var search = new MarkSearch([.. marks, .. marked.Realm.Nodes.Select(NameOf)]);
        string tokens = Path.GetDirectoryName(marked.TokenPattern)!;
        search.SearchFolder(marked.Realm.Folder, except: f => f.StartsWith(tokens, StringComparison.Ordinal));
        foreach (ChildProcess process in marked.Realm.Nodes.Select(n => n.Process).Append(marked.Device.Process))
        {
            search.SearchOpenFiles(process);
        }

        foreach (NodeProcess node in marked.Realm.Nodes)
        {
            search.Look(Encoding.UTF8.GetBytes(node.Logs), at => $"the log of {node.NodeId} at {at}");
        }

        search.Look(Encoding.UTF8.GetBytes(marked.Device.Process.Output.SoFar + marked.Device.Process.Error.SoFar), at => $"the device's output at {at}");
        output.WriteLine($"searched {search.Searched >> 20} MiB of files and logs");
        Assert.DoesNotContain(search.Sightings, s => marks.Any(m => m.Name == s.Mark));

        var control = new MarkSearch(marked.Tokens);
        control.SearchFolder(marked.Realm.Folder);
        Assert.Equal(marked.Realm.Nodes.Count, control.Seen.Count());
    }

    [Fact]
    public void Traffic_AsNodesAndTheNetworkSeeIt_HoldsNothingOfKeySecretOrShares()
    {
        foreach (Tap tap in marked.Taps)
        {
            Nothing(In(tap.Seen, marked.Secrets));
            Nothing(In(tap.Wire, [.. marked.Secrets, .. marked.Insider.Masked, .. marked.Tokens]));
        }

        Assert.All(marked.Insider.Masked.Zip(marked.Taps), pair => Assert.NotEmpty(In(pair.Second.Seen, [pair.First]).Sightings));
    }

    [Fact]
    public async Task Custody_TheKeyIsWrittenAndANodeIsSilent_HoldsKeyAndSecretNoLonger()
    {
        string recovered = marked.Realm.NewFile("recovered");
        await using (marked.Realm.Nodes[2].Paused())
        await using (ChildProcess custody = marked.Realm.StartCustody(
            marked.Typed, null, "recover", "--out", recovered, "--tokens", marked.TokenPattern))
        {
            await custody.Error.UntilAsync(text => text.Contains("the key is written", StringComparison.Ordinal));

            // Not what the late answer is still to be judged by: the stretched secret in its input, the shares, and the keys that sign.
            Mark[] done = [marked.Key, .. marked.Secret, marked.Insider.Secrets.Single(m => m.Name == "the recovery key")];
            MarkSearch search = InMemoryOf(custody, [.. done, new Mark("its arguments", Encoding.UTF8.GetBytes(recovered))]);
            Assert.False(custody.HasExited);
            Assert.Equal(["its arguments"], search.Seen);
        }

        Assert.Equal(marked.Key.Bytes, await File.ReadAllBytesAsync(recovered));
        File.Delete(recovered);
    }

    [Trait("Effort", "Long")]
    [ProgramFact("gcore")]
    public async Task Core_OfANode_HoldsNothingOfKeySecretOrShares()
    {
        NodeProcess node = marked.Realm.Nodes[0];
        string core = marked.Realm.NewFile("core");
        Expect.Success(await ChildProcess.RunAsync("gcore", ["-o", core, $"{node.Process.Id}"]));

        var search = new MarkSearch([.. marked.Secrets, NameOf(node)]);
        search.SearchFile($"{core}.{node.Process.Id}");

        Assert.Equal([NameOf(node).Name], search.Seen);
        File.Delete($"{core}.{node.Process.Id}");
    }

    private Mark Owner => marked.Insider.Secrets.Single(m => m.Name == "the owner key");

    private static Mark NameOf(NodeProcess node) => new($"the name of {node.NodeId}", Encoding.Unicode.GetBytes(node.NodeId));

    private static MarkSearch In(byte[] bytes, IEnumerable<Mark> marks)
    {
        var search = new MarkSearch(marks);
        search.Look(bytes, at => $"byte {at}");
        return search;
    }

    private MarkSearch InMemoryOf(ChildProcess process, IEnumerable<Mark> marks)
    {
        var search = new MarkSearch(marks);
        search.SearchMemory(process);
        output.WriteLine($"searched {search.Searched >> 20} MiB of process {process.Id}");
        Assert.True(search.Searched > 10 << 20, "next to nothing of the process was read");
        return search;
    }

    private static void Nothing(MarkSearch search) => Assert.Empty(search.Sightings);
}
