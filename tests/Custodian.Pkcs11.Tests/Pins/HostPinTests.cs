using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Tests.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Pins;

/// <summary>The PIN in the process that logs in with it: in one place, which no core dump has, in a process that leaves none.</summary>
public sealed class HostPinTests : IDisposable
{
    private readonly SoftHsmToken other = new();
    private readonly SeenEvents events = new();
    private readonly byte[] pinText = Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(40));
    private readonly HsmPin pin;

    public HostPinTests()
    {
        // A PIN of its own: that of other tests stands in the program.
        pin = new HsmPin(pinText);
        using var officer = new HsmPin("12345678"u8);
        Pkcs11Token.Initialise(SoftHsmDirectory.ModulePath, "marked", officer, pin);
    }

    public void Dispose()
    {
        pin.Dispose();
        other.Dispose();
    }

    [Fact]
    public async Task Host_LoggedInAndUsed_HasThePinOnceInMemoryThatNoDumpHas()
    {
        var made = await TokenKeys.CreateAsync(Options, CancellationToken.None);
        await using var hsm = await OpenAsync(TestHosts.Sound(other));
        await hsm.RefreshKeysAsync([.. made.Select(key => key.Key)]);
        await (await KnownRecord.MakeAsync(hsm)).EvaluateAsync(hsm);
        var host = await events.NextAsync<HostStarted>();

        var flags = Assert.Single(HostMemory.Holding(host.ProcessId, pinText));

        Assert.True(IsNotDumped(flags), flags);
    }

    /// <summary>The files of a process that may be dumped belong to its user, those of one that may not to root.</summary>
    [Fact]
    public async Task Host_OfAnyUser_MayNotBeDumpedOrTracedByIt()
    {
        await TokenKeys.CreateAsync(Options, CancellationToken.None);
        const string nobody = "65534";
        var program = TestHosts.Sound(other);
        if (Environment.IsPrivilegedProcess)
        {
            // Another user, to whom no folder on the way to program and token is closed: where those lie is not the test's to say.
            const string anyFile = "+dac_override,+dac_read_search";
            program = new HostProgram(
                "/usr/bin/setpriv",
                [
                    $"--reuid={nobody}", $"--regid={nobody}", "--clear-groups", $"--inh-caps={anyFile}", $"--ambient-caps={anyFile}",
                    program.Path, .. program.Arguments,
                ])
            {
                Environment = program.Environment,
            };
        }
        await using var hsm = await OpenAsync(program);
        await hsm.ProbeAsync(CancellationToken.None);
        var host = await events.NextAsync<HostStarted>();

        var uids = File.ReadLines($"/proc/{host.ProcessId}/status").Single(line => line.StartsWith("Uid:", StringComparison.Ordinal));
        Assert.DoesNotContain("\t0", uids, StringComparison.Ordinal);
        Assert.Equal("0\n", await RunAsync("stat", "-c", "%u", $"/proc/{host.ProcessId}/mem"));
    }

    [Fact]
    public void Pin_Disposed_IsInNoPageForSecretsAnyMore()
    {
        var text = Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(40));
        var secret = new HsmPin(text);
        var before = HostMemory.Holding(Environment.ProcessId, text);
        secret.Dispose();

        Assert.Single(before, IsNotDumped);
        Assert.DoesNotContain(HostMemory.Holding(Environment.ProcessId, text), flags => IsNotDumped(flags));
    }

    private static bool IsNotDumped(string flags) => flags.Contains(" dd", StringComparison.Ordinal);

    private Pkcs11HsmOptions Options => new()
    {
        ModulePath = SoftHsmDirectory.ModulePath,
        TokenLabel = "marked",
        Pin = pin,
        Sessions = 2,
    };

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return output;
    }

    private Task<IsolatedHsm> OpenAsync(HostProgram program) => IsolatedHsm.OpenAsync(
        Options, new IsolationOptions { Program = program, Observer = events.See }, CancellationToken.None);
}
