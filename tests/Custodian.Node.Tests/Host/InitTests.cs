using Custodian.Node.Commands;
using Custodian.Node.Host;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Node.Tests.Host;

public sealed class InitTests : IDisposable
{
    private readonly SoftHsmDirectory _softHsm = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("custodian-init-").FullName;
    private readonly HsmSettings _settings = new(SoftHsmDirectory.ModulePath, "made", PinFile: null, Sessions: 2, WaitMs: 2000, MaxWaiting: 16, MaxAdmitted: 32);

    [Fact]
    public async Task MakeToken_FreeSlot_GivesATokenThatTakesThePinAndKeepsTheOfficersOwn()
    {
        using var pin = new HsmPin("user-pin-1234"u8);
        string file = NewToken.Make(_settings, pin, _folder);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Matches("^[0-9a-f]{32}$", File.ReadAllText(file));
        Pkcs11HsmOptions options = NodeRuntime.HsmOptions(_settings, pin, EvaluationMode.Hsm);
        Assert.Empty(await TokenKeys.FindAsync(options, CancellationToken.None));
        await TokenKeys.CreateAsync(options, CancellationToken.None);
        Assert.Equal(TokenKeys.Labels, await TokenKeys.FindAsync(options, CancellationToken.None));
    }

    [Fact]
    public void MakeToken_TokenThere_IsRefusedAndTheOfficersPinKept()
    {
        using var pin = new HsmPin("user-pin-1234"u8);
        string kept = File.ReadAllText(NewToken.Make(_settings, pin, _folder));
        Assert.Contains("without --make-token", Assert.Throws<NodeStartException>(() => NewToken.Make(_settings, pin, _folder)).Message, StringComparison.Ordinal);
        Assert.Equal(kept, File.ReadAllText(Path.Combine(_folder, "so-pin")));
    }

    [Fact]
    public void KeyAdvice_SomeKeysExist_NamesTheMissingAndHowToRemoveTheRest()
    {
        string advice = KeyAdvice.WhenSomeExist([TokenKeys.Labels[0]], _settings, EvaluationMode.Hsm);
        Assert.Contains("lacks custodian/wrap/1, custodian/audit/1", advice, StringComparison.Ordinal);
        Assert.Contains("--delete-object --type secrkey --label custodian/seal/1", advice, StringComparison.Ordinal);
        Assert.Equal(advice, KeyAdvice.WhenSomeAreMissing([TokenKeys.Labels[0]], _settings, EvaluationMode.Hsm));
        Assert.Contains("go on with --reuse-keys", KeyAdvice.WhenSomeExist(TokenKeys.Labels, _settings, EvaluationMode.Hsm), StringComparison.Ordinal);
        Assert.DoesNotContain("--evaluate-in-memory", advice, StringComparison.Ordinal);
    }

    [Fact]
    public void KeyAdvice_KeysOfANodeThatEvaluatesInMemory_AreEnoughThereAndTheOptionIsNamedElsewhere()
    {
        string[] present = [TokenKeys.Labels[0], TokenKeys.Labels[2]];
        Assert.Contains("go on with --reuse-keys", KeyAdvice.WhenSomeExist(present, _settings, EvaluationMode.Memory), StringComparison.Ordinal);
        string advice = KeyAdvice.WhenSomeAreMissing(present, _settings, EvaluationMode.Hsm);
        Assert.Contains("lacks custodian/wrap/1; a node that evaluates in memory needs no more", advice, StringComparison.Ordinal);
        Assert.Contains("say --evaluate-in-memory", advice, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _softHsm.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
