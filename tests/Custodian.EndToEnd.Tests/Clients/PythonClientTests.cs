using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Clients;

/// <summary>
/// The client in Python was written from protocol.md alone. That the two recover each other's records over real nodes shows that the
/// document says enough, and that neither client bends it.
/// </summary>
[Collection(FiveNodes.Collection)]
public sealed class PythonClientTests(FiveNodes five)
{
    private const string Secret = "Ökonomie №4 ﬁne";

    private Realm Realm => five.Realm;

    [PythonFact]
    public async Task Recover_ByPython_GivesWhatTheSdkEnrolled()
    {
        (string subject, string key, string recovered) = (Realm.NewSubject(), Realm.NewKey(), Realm.NewFile("by-python"));
        Expect.Success(await Realm.CustodyAsync(subject, Secret, "enroll", "--key", key));

        await using (await Realm.Nodes[0].DownAsync())
        await using (await Realm.Nodes[3].DownAsync())
        {
            Expect.Success(await PythonAsync(subject, "recover", "--out", recovered, "--secret-stdin"));
        }

        Assert.Equal(await File.ReadAllBytesAsync(key), await File.ReadAllBytesAsync(recovered));
    }

    [PythonFact]
    public async Task Recover_BySdk_GivesWhatPythonEnrolled()
    {
        (string subject, string key, string recovered) = (Realm.NewSubject(), Realm.NewKey(), Realm.NewFile("by-sdk"));
        Expect.Success(await PythonAsync(subject, "enroll", "--key-file", key, "--secret-stdin"));

        await using (await Realm.Nodes[2].DownAsync())
        {
            Expect.Success(await Realm.CustodyAsync(subject, Secret, "recover", "--out", recovered));
        }

        Assert.Equal(await File.ReadAllBytesAsync(key), await File.ReadAllBytesAsync(recovered));
    }

    private Task<ProcessOutcome> PythonAsync(string subject, params string[] command) => ChildProcess.RunAsync(
        PythonFactAttribute.Python,
        [
            Path.Combine(Programs.Root, "tests/python/custodian_cli.py"), "--set", Realm.SetFile, "--ca", Realm.CaFile,
            "--tokens", Realm.WriteTokens(subject), "--timeout", "5", .. command,
        ],
        input: Secret);
}
