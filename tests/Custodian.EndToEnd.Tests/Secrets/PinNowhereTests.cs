using System.Text;
using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Secrets;

/// <summary>The HSM's PIN of a running node: in no command line, environment, log, database or core dump.</summary>
[Collection(SingleNode.Collection)]
public sealed class PinNowhereTests(SingleNode one)
{
    private string Pin => File.ReadAllText(Path.Combine(one.Node.Folder, "pin"));

    [Fact]
    public async Task Pin_OfANodeAndItsHsmProcess_IsInNoCommandLineEnvironmentLogOrFile()
    {
        HsmHostProcess host = await HsmHostProcess.OfAsync(one.Node);
        ProcessOutcome doctor = await one.Node.RunAsync("doctor", "--json");
        ProcessOutcome status = await one.Node.RunAsync("status", "--json");

        string[] texts =
        [
            one.Node.Logs, doctor.All, status.All,
            .. new[] { one.Node.Process.Id, host.Id }.SelectMany(id => new[] { File.ReadAllText($"/proc/{id}/cmdline"), File.ReadAllText($"/proc/{id}/environ") }),
            .. Directory.EnumerateFiles(Path.GetDirectoryName(one.Node.DatabaseFile)!).Select(f => Encoding.Latin1.GetString(Read(f))),
        ];
        Assert.All(texts[..7], text => Assert.NotEmpty(text));
        string utf16 = Encoding.Latin1.GetString(Encoding.Unicode.GetBytes(Pin));
        Assert.All(texts, text => Assert.DoesNotContain(Pin, text, StringComparison.Ordinal));
        Assert.All(texts, text => Assert.DoesNotContain(utf16, text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pin_ThatCameInTheVariable_IsInNoCommandLineOrEnvironmentOfTheServingNode()
    {
        await using Realm realm = await Realm.StartAsync(1, prepare: node =>
        {
            node.Reconfigure(c => ((JsonObject)c["hsm"]!).Remove("pin_file"));
            node.SetEnvironment("CUSTODIAN_PIN", File.ReadAllText(Path.Combine(node.Folder, "pin")));
        });
        NodeProcess node = realm.Nodes[0];
        HsmHostProcess host = await HsmHostProcess.OfAsync(node);
        byte[] pin = await File.ReadAllBytesAsync(Path.Combine(node.Folder, "pin"));
        byte[][] wanted = [pin, Encoding.Unicode.GetBytes(Encoding.ASCII.GetString(pin))];

        foreach (int id in (int[])[node.Process.Id, host.Id])
        {
            byte[] environment = await File.ReadAllBytesAsync($"/proc/{id}/environ");
            byte[] arguments = await File.ReadAllBytesAsync($"/proc/{id}/cmdline");
            Assert.NotEqual(-1, environment.AsSpan().IndexOf("SOFTHSM2_CONF="u8));
            Assert.NotEqual(-1, arguments.AsSpan().IndexOf("custodian"u8));
            Assert.All(wanted, bytes => Assert.Equal((-1, -1), (environment.AsSpan().IndexOf(bytes), arguments.AsSpan().IndexOf(bytes))));
        }

        Assert.DoesNotContain(Encoding.ASCII.GetString(pin), node.Logs, StringComparison.Ordinal);
    }

    [ProgramFact("gcore")]
    [Trait("Effort", "Long")]
    public async Task Core_OfANodeOrItsHsmProcess_HoldsNoPin()
    {
        // Whoever writes a core stops the process meanwhile, for longer than an operation may take.
        await using Realm realm = await Realm.StartAsync(
            1, prepare: n => n.Reconfigure(c => ((JsonObject)c["hsm"]!)["deadline_ms"] = 600_000));
        realm.Expected.Add("the HSM did not answer its canary");
        NodeProcess node = realm.Nodes[0];
        byte[] pin = await File.ReadAllBytesAsync(Path.Combine(node.Folder, "pin"));
        HsmHostProcess host = await HsmHostProcess.OfAsync(node);
        foreach ((int id, byte[] known) in new[]
        {
            (node.Process.Id, Encoding.Unicode.GetBytes(node.NodeId)), (host.Id, Encoding.ASCII.GetBytes(NodeProcess.SoftHsm)),
        })
        {
            string core = realm.NewFile("core");
            Expect.Success(await ChildProcess.RunAsync("gcore", ["-o", core, $"{id}"]));
            Assert.NotEqual(-1, IndexIn($"{core}.{id}", known));
            Assert.Equal(-1, IndexIn($"{core}.{id}", pin));
            Assert.Equal(-1, IndexIn($"{core}.{id}", Encoding.Unicode.GetBytes(Encoding.ASCII.GetString(pin))));
            File.Delete($"{core}.{id}");
        }
    }

    private static byte[] Read(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static long IndexIn(string file, byte[] wanted)
    {
        using FileStream stream = File.OpenRead(file);
        byte[] buffer = new byte[1 << 22];
        int kept = 0;
        for (long at = 0; stream.Read(buffer, kept, buffer.Length - kept) is > 0 and var read; at += read)
        {
            Span<byte> seen = buffer.AsSpan(0, kept + read);
            if (seen.IndexOf(wanted) is >= 0 and var index)
            {
                return at - kept + index;
            }

            kept = Math.Min(wanted.Length - 1, seen.Length);
            seen[^kept..].CopyTo(buffer);
        }

        return -1;
    }
}
