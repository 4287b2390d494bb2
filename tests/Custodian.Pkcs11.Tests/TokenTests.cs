using System.Diagnostics;
using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>Finding tokens, making them, and sharing them with other processes.</summary>
public sealed class TokenTests : IDisposable
{
    private readonly SoftHsmToken token = new();

    public void Dispose() => token.Dispose();

    [Fact]
    public void Initialise_FreeSlot_MakesATokenThatIsListed()
    {
        var made = Initialise("second");

        Assert.Equal(("second", true), (made.Label, made.Initialised));
        Assert.NotEqual(token.Description.Serial, made.Serial);
        Assert.Equal(
            [SoftHsmToken.Label, "second"],
            Pkcs11Token.List(SoftHsmDirectory.ModulePath).Where(t => t.Initialised).Select(t => t.Label).Order());
    }

    [Fact]
    public void Initialise_LabelTaken_IsRefused() => Assert.Throws<ArgumentException>(() => Initialise(SoftHsmToken.Label));

    [Theory]
    [InlineData("")]
    [InlineData("123456789012345678901234567890123")]
    public void Initialise_LabelOfAnotherLength_IsRefused(string label) => Assert.Throws<ArgumentException>(() => Initialise(label));

    [Fact]
    public void Initialise_PinTooShort_IsClassPin()
    {
        using var officer = new HsmPin("12345678"u8);
        using var shortPin = new HsmPin("123"u8);

        var failure = Assert.Throws<HsmException>(
            () => Pkcs11Token.Initialise(SoftHsmDirectory.ModulePath, "second", officer, shortPin));

        Assert.Equal(HsmErrorClass.Pin, failure.Class);
    }

    [Fact]
    public async Task Open_TokenMadeByAnotherProcess_IsFoundByLabelAndBySerial()
    {
        await RunAsync("softhsm2-util", "--init-token", "--free", "--label", "elsewhere", "--so-pin", "12345678", "--pin", "user-pin-1234");
        var serial = Pkcs11Token.List(SoftHsmDirectory.ModulePath).Single(t => t.Label == "elsewhere").Serial;
        await TokenKeys.CreateAsync(Options("elsewhere", null), CancellationToken.None);

        await using (var byLabel = await Pkcs11Hsm.OpenAsync(Options("elsewhere", null), CancellationToken.None))
        {
            Assert.Equal(serial, byLabel.Token.Serial);
        }
        await using var bySerial = await Pkcs11Hsm.OpenAsync(Options(null, serial), CancellationToken.None);
        Assert.Equal("elsewhere", bySerial.Token.Label);
    }

    [Fact]
    public async Task Open_TwoTokensOfOneLabel_NeedsTheSerial()
    {
        await token.CreateKeysAsync();
        await RunAsync(
            "softhsm2-util", "--init-token", "--free", "--label", SoftHsmToken.Label, "--so-pin", "12345678", "--pin", "user-pin-1234");

        var failure = await Assert.ThrowsAsync<HsmException>(
            () => Pkcs11Hsm.OpenAsync(Options(SoftHsmToken.Label, null), CancellationToken.None));
        await using var hsm = await Pkcs11Hsm.OpenAsync(
            Options(SoftHsmToken.Label, token.Description.Serial), CancellationToken.None);

        Assert.Contains("2 tokens", failure.Message, StringComparison.Ordinal);
        Assert.Equal(token.Description.Serial, hsm.Token.Serial);
    }

    [Fact]
    public async Task Open_NoSuchToken_IsFatal()
    {
        var failure = await Assert.ThrowsAsync<HsmException>(
            () => Pkcs11Hsm.OpenAsync(Options("nobody", null), CancellationToken.None));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
    }

    [Fact]
    public async Task Find_ObjectMadeByAnotherProcess_IsSeenAtOnce()
    {
        await token.CreateKeysAsync();
        using var connection = TokenConnection.Open(token.Options());
        using var search = new AttributeTemplate().Add(Cka.Label, "imported");
        Assert.Empty(connection.Anchor.Find(search));

        await ImportKeyAsync("imported");

        Assert.NotEmpty(connection.Anchor.Find(search));
    }

    [Fact]
    public async Task Open_ModuleMissing_SaysWhichPath()
    {
        var options = new Pkcs11HsmOptions { ModulePath = "/nonexistent/module.so", TokenLabel = "t", Pin = token.Pin };

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(options, CancellationToken.None));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
        Assert.Contains("/nonexistent/module.so", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_LibraryThatIsNoModule_IsFatal()
    {
        var options = new Pkcs11HsmOptions { ModulePath = "/lib/x86_64-linux-gnu/libm.so.6", TokenLabel = "t", Pin = token.Pin };

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(options, CancellationToken.None));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
    }

    [Fact]
    public async Task Open_OptionOutOfRange_NamesIt()
    {
        Pkcs11HsmOptions[] wrong =
        [
            new() { ModulePath = "libsofthsm2.so", TokenLabel = "t", Pin = token.Pin },
            new() { ModulePath = "/a", Pin = token.Pin },
            new() { ModulePath = "/a", TokenLabel = "t", Pin = token.Pin, Sessions = 0 },
            new() { ModulePath = "/a", TokenLabel = "t", Pin = token.Pin, Sessions = 257 },
            new() { ModulePath = "/a", TokenLabel = "t", Pin = token.Pin, MaxAdmitted = 0 },
            new() { ModulePath = "/a", TokenLabel = "t", Pin = token.Pin, MaxWaiting = -1 },
            new() { ModulePath = "/a", TokenLabel = "t", Pin = token.Pin, AdmissionWait = TimeSpan.Zero },
        ];
        var names = new List<string?>();
        foreach (var options in wrong)
        {
            names.Add((await Assert.ThrowsAsync<ArgumentException>(() => Pkcs11Hsm.OpenAsync(options, CancellationToken.None))).ParamName);
        }

        Assert.Equal(
            ["ModulePath", "TokenLabel", "Sessions", "Sessions", "MaxAdmitted", "MaxWaiting", "AdmissionWait"], names);
    }

    private static TokenDescription Initialise(string label)
    {
        using var officer = new HsmPin("12345678"u8);
        using var user = new HsmPin("user-pin-1234"u8);
        return Pkcs11Token.Initialise(SoftHsmDirectory.ModulePath, label, officer, user);
    }

    private Pkcs11HsmOptions Options(string? label, string? serial) => new()
    {
        ModulePath = SoftHsmDirectory.ModulePath,
        TokenLabel = label,
        TokenSerial = serial,
        Pin = token.Pin,
        Sessions = 1,
    };

    private async Task ImportKeyAsync(string label)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var file = Path.Combine(token.SoftHsm.Tokens, "..", "key.pem");
        await File.WriteAllTextAsync(file, key.ExportPkcs8PrivateKeyPem());
        await RunAsync(
            "softhsm2-util", "--import", file, "--token", SoftHsmToken.Label, "--pin", "user-pin-1234", "--label", label, "--id", "01");
    }

    private async Task RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["SOFTHSM2_CONF"] = token.SoftHsm.Configuration;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await output + await error);
    }
}
