using Custodian.Node.Api.Rates;
using Custodian.Node.Host;

namespace Custodian.Node.Tests.Host;

public sealed class ConfigurationTests : IDisposable
{
    private readonly SettingsFolder _settings = new();

    private string Folder => _settings.Path;

    [Fact]
    public void Load_NothingSaid_TakesTheDefaults()
    {
        NodeConfiguration configuration = Loaded();
        Assert.Equal(10_000, configuration.Limits.Connections);
        Assert.Equal(2000, configuration.Hsm.WaitMs);
        Assert.InRange(configuration.Hsm.Sessions, 1, 256);
        Assert.Equal(new IsolationSettings(InProcess: false, DeadlineMs: 5000, MemoryMb: 1024, RecycleAfter: 100_000), configuration.Hsm.Isolation);
        Assert.Equal(
            new CallLimits
            {
                Address = new Rate(1000, 4000), Account = new Rate(50, 500), Issuer = new Rate(0, 1000),
                Calls = 2000, CallsOfAddress = 500, HsmCallsOfAccount = 64, Watches = 100, WatchesOfAddress = 20,
                HsmShareOfAccount = configuration.Hsm.MaxAdmitted / 4,
            },
            configuration.Limits.Calls);
        Assert.Equal(
            new DeadlineSettings(
                CallWait: Seconds(30), Handshake: Seconds(10), Headers: Seconds(10), KeepAlive: Seconds(120), Ping: Seconds(30), PingAnswer: Seconds(20),
                LowestRate: 240),
            configuration.Deadlines);
        Assert.Equal(1024, configuration.DatabaseQueue);
        Assert.Equal((Seconds(40), Seconds(60)), (configuration.LongestCall, configuration.CallTime));
        Assert.Equal(Math.Min(16 * configuration.Hsm.Sessions, 128), configuration.Hsm.MaxAdmitted);
    }

    [Theory]
    [InlineData("hsm:sessions", "1", "256", "0", "257")]
    [InlineData("hsm:max_admitted", "1", "100000", "0", "100001")]
    [InlineData("hsm:wait_ms", "1", "60000", "0", "60001")]
    [InlineData("hsm:max_waiting", "1", "100000", "0", "100001")]
    [InlineData("hsm:deadline_ms", "100", "600000", "99", "600001")]
    [InlineData("hsm:memory_mb", "128", "1000000", "127", "1000001")]
    [InlineData("hsm:reseal_rate", "0", "100000", "-1", "100001")]
    [InlineData("hsm:recycle_after", "0", "2147483647", "-1", "2147483648")]
    [InlineData("limits:connections", "1", "1000000", "0", "1000001")]
    [InlineData("limits:address_connections", "0", "1000000", "-1", "1000001")]
    [InlineData("limits:address_rate", "0", "1000000", "-1", "1000001")]
    [InlineData("limits:address_burst", "1", "1000000", "0", "1000001")]
    [InlineData("limits:account_rate", "0", "1000000", "-1", "1000001")]
    [InlineData("limits:account_burst", "1", "1000000", "0", "1000001")]
    [InlineData("limits:issuer_rate", "0", "1000000", "-1", "1000001")]
    [InlineData("limits:issuer_burst", "1", "1000000", "0", "1000001")]
    [InlineData("limits:calls", "1", "1000000", "0", "1000001")]
    [InlineData("limits:address_calls", "0", "1000000", "-1", "1000001")]
    [InlineData("limits:account_hsm_calls", "0", "1000000", "-1", "1000001")]
    [InlineData("limits:account_hsm_share", "0", "1000000", "-1", "1000001")]
    [InlineData("limits:watches", "1", "1000000", "0", "1000001")]
    [InlineData("limits:address_watches", "0", "1000000", "-1", "1000001")]
    [InlineData("limits:call_wait_s", "1", "120", "0", "121")]
    [InlineData("limits:handshake_s", "1", "300", "0", "301")]
    [InlineData("limits:headers_s", "1", "300", "0", "301")]
    [InlineData("limits:keep_alive_s", "1", "86400", "0", "86401")]
    [InlineData("limits:ping_s", "1", "86400", "0", "86401")]
    [InlineData("limits:ping_answer_s", "1", "300", "0", "301")]
    [InlineData("limits:lowest_rate", "1", "1000000", "0", "1000001")]
    [InlineData("database:queue", "1", "1000000", "0", "1000001")]
    [InlineData("database:max_pages", "0", "2147483647", "-1", "2147483648")]
    public void Load_Number_IsTakenWithinItsRangeAlone(string setting, string lowest, string highest, string below, string above)
    {
        Loaded($"{setting}={lowest}");
        Loaded($"{setting}={highest}");
        foreach (string wrong in (string[])[below, above])
        {
            Assert.Equal(setting, Assert.Single(Mistakes($"{setting}={wrong}")).Setting);
        }
    }

    [Fact]
    public void Load_Deadlines_AreTakenEachByItsOwnName()
    {
        NodeConfiguration configuration = Loaded(
            "limits:call_wait_s=1", "limits:handshake_s=2", "limits:headers_s=3", "limits:keep_alive_s=4", "limits:ping_s=5", "limits:ping_answer_s=6",
            "limits:lowest_rate=7", "database:queue=8");

        Assert.Equal(new DeadlineSettings(Seconds(1), Seconds(2), Seconds(3), Seconds(4), Seconds(5), Seconds(6), 7), configuration.Deadlines);
        Assert.Equal(8, configuration.DatabaseQueue);
    }

    [Theory]
    [InlineData("limits:call_wait_s=120", 130)]
    [InlineData("hsm:deadline_ms=600000", 635)]
    public void Load_CallsThatMayTakeLonger_AreWaitedForAtAStop(string setting, int seconds)
    {
        NodeConfiguration configuration = Loaded(setting);

        Assert.Equal(Seconds(seconds), configuration.LongestCall);
        Assert.Equal(1.5 * Seconds(seconds), configuration.CallTime);
        Assert.InRange(configuration.LongestCall, TimeSpan.Zero, NodeConfiguration.LongestCallOfAny);
    }

    [Theory]
    [InlineData("process", false)]
    [InlineData("in_process", true)]
    public void Load_Isolation_IsOneOfTwoWords(string word, bool inProcess) =>
        Assert.Equal(inProcess, Loaded($"hsm:isolation={word}").Hsm.Isolation.InProcess);

    [Fact]
    public void Load_IsolationOfAnotherWord_IsAMistakeThatNamesBoth()
    {
        SettingMistake mistake = Assert.Single(Mistakes("hsm:isolation=thread"));
        Assert.Equal("hsm:isolation: is 'thread'; one of: process, in_process", mistake.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"keys\":[]}")]
    [InlineData("{\"keys\":[{")]
    public void Load_JwksFileHoldsNoKeys_IsAMistake(string text)
    {
        File.WriteAllText(Path.Combine(Folder, "jwks.json"), text);
        Assert.Equal("issuers:0:jwks_file", Assert.Single(Mistakes()).Setting);
    }

    [Fact]
    public void Load_PinAsASetting_IsAMistakeThatDoesNotRepeatIt()
    {
        SettingMistake mistake = Assert.Single(Mistakes("hsm:pin=1234-5678"));
        Assert.Equal("hsm:pin", mistake.Setting);
        Assert.DoesNotContain("1234", mistake.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_VariableThatIsNoSetting_IsNamedAsTheVariable()
    {
        Environment.SetEnvironmentVariable("CUSTODIAN_HSM__WAITMS", "77");
        try
        {
            SettingMistake mistake = Assert.Single(Mistakes());
            Assert.Equal("HSM:WAITMS", mistake.Setting);
            Assert.Contains("CUSTODIAN_HSM__WAITMS", mistake.Problem, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("CUSTODIAN_HSM__WAITMS", null);
        }
    }

    [Fact]
    public void Load_Environment_IsOverTheFileAndUnderTheCommandLine()
    {
        Environment.SetEnvironmentVariable("CUSTODIAN_HSM__WAIT_MS", "77");
        Environment.SetEnvironmentVariable("CUSTODIAN_PIN", "user-pin-1234");
        try
        {
            Assert.Equal(77, Loaded().Hsm.WaitMs);
            Assert.Equal(88, Loaded("hsm:wait_ms=88").Hsm.WaitMs);
        }
        finally
        {
            Environment.SetEnvironmentVariable("CUSTODIAN_HSM__WAIT_MS", null);
            Environment.SetEnvironmentVariable("CUSTODIAN_PIN", null);
        }
    }

    public void Dispose() => _settings.Dispose();

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);

    private NodeConfiguration Loaded(params string[] overrides) => _settings.Load(overrides);

    private IReadOnlyList<SettingMistake> Mistakes(params string[] overrides)
    {
        LoadedConfiguration loaded = ConfigurationLoader.Load(Path.Combine(Folder, "node.json"), overrides);
        Assert.Null(loaded.Configuration);
        return loaded.Mistakes;
    }
}
