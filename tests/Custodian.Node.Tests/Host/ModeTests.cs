using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Custodian.Node.Commands;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Storage;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Tests.SoftHsm;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Custodian.Node.Tests.Host;

/// <summary>Where a node evaluates: what the commands say of it, that they never choose the weaker place, and that nobody changes it later.</summary>
public sealed class ModeTests : IDisposable
{
    private static readonly NodeId Node = NodeId.TryParse("node-1", out NodeId id) ? id : throw new InvalidOperationException();

    private readonly SoftHsmToken _token = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("custodian-mode-").FullName;

    public ModeTests()
    {
        foreach (string name in (string[])["tls.pem", "tls.key"])
        {
            File.WriteAllText(Path.Combine(_folder, name), "");
        }

        File.WriteAllText(Path.Combine(_folder, "jwks.json"), Jwks);
        File.WriteAllText(Path.Combine(_folder, "pin"), "user-pin-1234");
        File.SetUnixFileMode(Path.Combine(_folder, "pin"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(ConfigFile, new JsonObject
        {
            ["node_id"] = Node.Value,
            ["sets"] = new JsonArray("acme"),
            ["listen"] = "127.0.0.1:0",
            ["data"] = "data",
            ["tls"] = new JsonObject { ["certificate"] = "tls.pem", ["key"] = "tls.key" },
            ["hsm"] = new JsonObject { ["module"] = SoftHsmDirectory.ModulePath, ["token"] = SoftHsmToken.Label, ["pin_file"] = "pin", ["sessions"] = 2 },
            ["issuers"] = new JsonArray(new JsonObject { ["issuer"] = "https://login.example", ["jwks_file"] = "jwks.json" }),
        }.ToJsonString());
    }

    private const string Jwks =
        """{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}""";

    private string ConfigFile => Path.Combine(_folder, "node.json");

    private SqliteStoreOptions Database => new() { Path = Path.Combine(_folder, "data", "custodian.db") };

    [Fact]
    public async Task Init_ModuleWithoutRawEcdh_IsRefusedWithTheOptionAndItsCostAndServesWithIt()
    {
        using var module = new InterceptedModule();
        module.FailEvery(called => called == Function.DeriveKey ? new ModuleFault(0x70) : null);

        (int refused, string said) = await RunAsync("init");
        Assert.Equal(ExitCode.Failed, refused);
        Assert.Contains("The module does not derive a raw x-coordinate", said, StringComparison.Ordinal);
        Assert.Contains("'custodian init --evaluate-in-memory' makes one, and then whoever reads the memory", said, StringComparison.Ordinal);
        Assert.False(File.Exists(Database.Path));
        Assert.Empty(await TokenKeys.FindAsync(_token.Options(), CancellationToken.None));

        (int unfit, said) = await RunAsync("doctor");
        Assert.Equal(ExitCode.Findings, unfit);
        Assert.Contains("'custodian init --evaluate-in-memory' makes a node that does without", said, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, (await RunAsync("doctor", "--evaluate-in-memory")).Status);

        (int made, said) = await RunAsync("init", "--evaluate-in-memory");
        Assert.Equal(ExitCode.Done, made);
        Assert.Contains("evaluates in memory: whoever reads the memory", said, StringComparison.Ordinal);
        Assert.DoesNotContain("custodian/wrap/", said, StringComparison.Ordinal);
        Assert.Equal(EvaluationMode.Memory, NodeMode.Claimed(Database));

        // From here on the database decides.
        (int fit, said) = await RunAsync("doctor", "--json");
        Assert.Equal(ExitCode.Done, fit);
        Assert.Equal(("memory", "memory"), (JsonNode.Parse(said)!["evaluation"]!.ToString(), JsonNode.Parse(said)!["modes"]!.AsArray().Single()!.ToString()));
    }

    [Fact]
    public async Task Init_ModuleThatServesBoth_EvaluatesInTheHsmUnlessTold()
    {
        (int made, string said) = await RunAsync("init", "--json");

        Assert.Equal(ExitCode.Done, made);
        Assert.Equal("hsm", JsonNode.Parse(said)!["evaluation"]!.ToString());
        Assert.Equal(EvaluationMode.Hsm, NodeMode.Claimed(Database));
        (int refused, said) = await RunAsync("doctor", "--evaluate-in-memory");
        Assert.Equal(ExitCode.Usage, refused);
        Assert.Contains("this node evaluates in the HSM, as it was made to", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Init_AgainOnTheKeysOfANodeThatEvaluatesInMemory_ReusesThemThereOnly()
    {
        await _token.CreateKeysAsync(EvaluationMode.Memory);

        (int refused, string said) = await RunAsync("init", "--reuse-keys");
        (int made, _) = await RunAsync("init", "--reuse-keys", "--evaluate-in-memory");

        Assert.Equal((ExitCode.Failed, ExitCode.Done), (refused, made));
        Assert.Contains("say --evaluate-in-memory", said, StringComparison.Ordinal);
    }

    /// <summary>On a token with all keys, so that the mode alone keeps it shut.</summary>
    [Theory]
    [InlineData(EvaluationMode.Hsm, EvaluationMode.Memory)]
    [InlineData(EvaluationMode.Memory, EvaluationMode.Hsm)]
    public async Task Secrets_WhoseModeWasEditedInTheDatabase_DoNotOpen(EvaluationMode made, EvaluationMode edited)
    {
        await _token.CreateKeysAsync();
        Directory.CreateDirectory(Path.GetDirectoryName(Database.Path)!);
        await using (Pkcs11Hsm hsm = await OpenAsync(made))
        {
            await NodeDatabase.CreateAsync(Database, Node, hsm, TimeProvider.System);
        }

        await using (Pkcs11Hsm other = await OpenAsync(edited))
        {
            StorageException named = await Assert.ThrowsAsync<StorageException>(() => OpenSecretsAsync(other));
            Assert.Contains($"of a node that evaluates {made.Words()}; this one evaluates {edited.Words()}", named.Message, StringComparison.Ordinal);
        }

        EditMode(edited == EvaluationMode.Memory ? (byte)2 : (byte)0);
        Assert.Equal(edited, NodeMode.Claimed(Database));
        foreach (EvaluationMode mode in EvaluationModes.All)
        {
            await using Pkcs11Hsm hsm = await OpenAsync(mode);
            await Assert.ThrowsAsync<StorageException>(() => OpenSecretsAsync(hsm));
        }

        (int refused, string said) = await RunAsync("status");
        Assert.Equal(ExitCode.Failed, refused);
        Assert.Contains("does not open the node's secrets", said, StringComparison.Ordinal);
    }

    /// <summary>Every command of its keys' life, on a list that has no wrap key.</summary>
    [Fact]
    public async Task Keys_OfANodeThatEvaluatesInMemory_AreListedRotatedAndRetiredWithoutAWrapKey()
    {
        Assert.Equal(ExitCode.Done, (await RunAsync("init", "--evaluate-in-memory")).Status);
        Assert.Equal(["custodian/seal/1 newest", "custodian/audit/1 newest"], await ListAsync());

        foreach (string[] command in (string[][])[["rotate"], ["retire", "--version", "1", "--yes"], ["adopt", "--version", "1", "--yes"]])
        {
            (int refused, string why) = await RunAsync(["keys", .. command, "--purpose", "wrap"]);
            Assert.Equal(ExitCode.NotFound, refused);
            Assert.Contains("this node evaluates in memory, and has no wrap key", why, StringComparison.Ordinal);
        }

        Assert.Equal(ExitCode.Done, (await RunAsync("keys", "rotate", "--purpose", "seal")).Status);
        Assert.Equal(ExitCode.Done, (await RunAsync("keys", "rotate", "--purpose", "audit")).Status);
        Assert.Equal(
            ["custodian/seal/2 newest", "custodian/seal/1 kept", "custodian/audit/2 newest", "custodian/audit/1 kept"], await ListAsync());

        (int held, string said) = await RunAsync("keys", "retire", "--purpose", "seal", "--version", "1", "--yes");
        Assert.Equal(ExitCode.Failed, held);
        Assert.Contains("the node's own secrets are under it", said, StringComparison.Ordinal);
        (int allowed, said) = await RunAsync("keys", "reseal", "--override", "hsm:reseal_rate=0");
        Assert.Equal(ExitCode.Done, allowed);
        Assert.Contains("hsm:reseal_rate is 0 in this configuration", said, StringComparison.Ordinal);
        Assert.DoesNotContain("reseal_rate", (await RunAsync("keys", "reseal")).Said, StringComparison.Ordinal);
        await ServeUntilResealedAsync();
        using (SqliteConnection stray = SqliteConnections.OpenWriter(Database))
        {
            stray.Run("INSERT INTO sealed_parts (slot, part) VALUES (9, x'01')");
            (held, said) = await RunAsync("keys", "retire", "--purpose", "seal", "--version", "1", "--yes");
            Assert.Equal(ExitCode.Findings, held);
            Assert.Contains("with --with-findings it is destroyed all the same", said, StringComparison.Ordinal);
            (held, said) = await RunAsync("keys", "retire", "--purpose", "seal", "--version", "2", "--yes", "--with-findings");
            Assert.Equal(ExitCode.Failed, held);
            Assert.Contains("it is the newest", said, StringComparison.Ordinal);
            (held, said) = await RunAsync("keys", "retire", "--purpose", "seal", "--version", "1", "--yes", "--with-findings");
            Assert.True(held == ExitCode.Done, said);
            stray.Run("DELETE FROM sealed_parts");
        }

        (int retired, said) = await RunAsync("keys", "retire", "--purpose", "audit", "--version", "1", "--yes");
        Assert.True(retired == ExitCode.Done, said);

        Assert.Equal(["custodian/seal/2 newest", "custodian/audit/2 newest", "custodian/audit/1 retired"], await ListAsync());

        // Of a retired audit key the public half stays.
        Assert.Equal(
            ["custodian/audit/1", "custodian/audit/2", "custodian/seal/2"],
            (await TokenKeys.FindAsync(_token.Options(), CancellationToken.None)).Order(StringComparer.Ordinal));
        Assert.Equal(ExitCode.Done, (await RunAsync("verify", "--hsm")).Status);
        Assert.Contains("seal 2, no wrap key, audit 2", (await RunAsync("status")).Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Claimed_NoDatabaseOrOneThatSaysNothing_IsTheStrongerPlace()
    {
        Assert.Equal(EvaluationMode.Hsm, NodeMode.Claimed(Database));
        Directory.CreateDirectory(Path.GetDirectoryName(Database.Path)!);
        File.WriteAllText(Database.Path, "no database");
        Assert.Equal(EvaluationMode.Hsm, NodeMode.Claimed(Database));
    }

    public void Dispose()
    {
        _token.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<(int Status, string Said)> RunAsync(params string[] command)
    {
        (TextWriter output, TextWriter error) = (Console.Out, Console.Error);
        using var said = new StringWriter();
        Console.SetOut(said);
        Console.SetError(said);
        try
        {
            return (await CustodianCommand.RunAsync([.. command, "--config", ConfigFile]), said.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }

    /// <summary>The labels and states of the keys, as the operator sees them.</summary>
    private async Task<IEnumerable<string>> ListAsync()
    {
        (int status, string said) = await RunAsync("keys", "list", "--json");
        Assert.True(status == ExitCode.Done, said);
        JsonNode listed = JsonNode.Parse(said)!;
        Assert.Empty(listed["remarks"]!.AsArray());
        return listed["keys"]!.AsArray().Select(key => $"{key!["label"]} {key["state"]}");
    }

    /// <summary>What a serving node does with its keys; and then the time goes by in which clients may hold what it prepared before.</summary>
    private async Task ServeUntilResealedAsync()
    {
        await using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        await using Pkcs11Hsm hsm = await OpenAsync(EvaluationMode.Memory);
        await using SqliteAccountStore store = await StoreFolder.OpenAsync(Database, hsm);
        await using (new KeyWatch(
            hsm, store, new ResealPace(1000) { SecondLook = TimeSpan.FromMilliseconds(50), Pause = TimeSpan.FromMilliseconds(10) },
            new KeyMetrics(services.GetRequiredService<IMeterFactory>()), NullLogger.Instance, TimeSpan.FromMilliseconds(50)))
        {
            await Eventually.HoldsAsync(async () => await store.ReadKeyUseAsync(CancellationToken.None) is var use
                && use.HoldsSecrets(KeyPurpose.Seal, 2) && use.FirstUseMs.ContainsKey((KeyPurpose.Seal, 2)));
        }

        using SqliteConnection connection = SqliteConnections.OpenWriter(Database);
        connection.Run("UPDATE key_uses SET first_ms = 1");
    }

    private Task<Pkcs11Hsm> OpenAsync(EvaluationMode mode) => Pkcs11Hsm.OpenAsync(_token.Options(evaluation: mode), CancellationToken.None);

    private async Task OpenSecretsAsync(IHsm hsm)
    {
        using NodeSecrets secrets = await NodeDatabase.OpenSecretsAsync(Database, NodeDatabase.ReadIdentity(Database), hsm);
    }

    private void EditMode(byte mechanism)
    {
        using SqliteConnection connection = SqliteConnections.OpenWriter(Database);
        byte[] secrets = NodeDatabase.ReadIdentity(Database).SealedSecrets.ToArray();
        secrets[3] = mechanism;
        using var edit = new Statement(connection, "UPDATE node SET secrets = ?1");
        edit.Write(secrets);
    }
}
