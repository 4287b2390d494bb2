using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Tls;

/// <summary>
/// A real node that serves with a certificate which is not the one that the set promises: the SDK and <c>custody</c> refuse it, and say in
/// which way it is wrong.
/// </summary>
public sealed class RefusedCertificateTests : IAsyncLifetime
{
    private Realm _realm = null!;

    private NodeProcess Node => _realm.Nodes[0];

    /// <summary>Starts a node.</summary>
    public async Task InitializeAsync() => _realm = await Realm.StartAsync(1);

    /// <summary>Ends it.</summary>
    public async Task DisposeAsync() => await _realm.DisposeAsync();

    [Fact]
    public async Task Status_CertificateIsNotTheOnePromised_SaysInWhichWay()
    {
        using var other = new CertificateAuthority();
        string subject = _realm.NewSubject();

        await ServeWithAsync(() => _realm.Surroundings.Authority.Issue(Node.Folder, expired: true));
        await RefusesAsync("its certificate expired on", subject);
        await ServeWithAsync(() => _realm.Surroundings.Authority.Issue(Node.Folder, host: "elsewhere.example"));
        await RefusesAsync("its certificate is not for 127.0.1.1", subject);
        await ServeWithAsync(() => other.Issue(Node.Folder));
        await RefusesAsync("its certificate does not lead to the authorities of the set", subject);
        await ServeWithAsync(SelfSigned);
        await RefusesAsync("its certificate is self-signed, and none of the authorities of the set", subject);
        await ServeWithAsync(() => _realm.Surroundings.Authority.Issue(Node.Folder));
        await RefusesAsync("the key of its certificate is not one of the pinned ones", subject, Pinned(RandomNumberGenerator.GetBytes(32)));

        using var present = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(Path.Combine(Node.Folder, "tls.pem")));
        byte[] pin = SHA256.HashData(present.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(NodeCondition.Answered, (await DescribeAsync(subject, Pinned(pin))).Condition);
    }

    private async Task ServeWithAsync(Action certificate)
    {
        await Node.KillAsync();
        certificate();
        await Node.StartAsync();
    }

    private async Task RefusesAsync(string why, string subject, string? setFile = null)
    {
        setFile ??= _realm.SetFile;
        NodeOutcome outcome = await DescribeAsync(subject, setFile);
        ProcessOutcome status = await ChildProcess.RunAsync(
            Programs.Custody, ["status", "--set", setFile, "--tokens", _realm.WriteTokens(subject)]);

        Assert.Equal(NodeCondition.Untrusted, outcome.Condition);
        Assert.Contains(why, outcome.Explanation, StringComparison.Ordinal);
        Assert.NotEqual(0, status.ExitCode);
        Expect.Says(why, status);
    }

    private async Task<NodeOutcome> DescribeAsync(string subject, string setFile)
    {
        await using var client = new CustodianClient(CustodianSet.Load(setFile), new CustodianClientOptions
        {
            Token = (node, _) => ValueTask.FromResult(_realm.Issuer.TokenFor(node.Value, subject)),
        });
        return Assert.Single((await client.DescribeAsync()).Nodes).Value;
    }

    /// <summary>The set with a pin.</summary>
    private string Pinned(byte[] pin)
    {
        JsonNode set = JsonNode.Parse(File.ReadAllText(_realm.SetFile))!;
        set["nodes"]![0]!["spki_sha256"] = new JsonArray(Convert.ToBase64String(pin));
        string file = _realm.NewFile("pinned.json");
        File.WriteAllText(file, set.ToJsonString());
        return file;
    }

    private void SelfSigned()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(NodeProcess.Host);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(Path.Combine(Node.Folder, "tls.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(Node.Folder, "tls.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
