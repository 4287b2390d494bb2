using System.Diagnostics;
using System.Text;

namespace Custodian.Client.Tests.Stretching;

public sealed class Argon2idTests
{
    [Fact]
    public void Derive_VectorOfRfc9106Section53_MatchesByEveryInstructionSet()
    {
        Assert.All(Supported, mixing =>
        {
            byte[] tag = new byte[32];
            Argon2id.Derive(RfcInput(), new Argon2Cost(32, 3, 4), tag, mixing);
            Assert.Equal("0D640DF58D78766C08C037A34A8B53C9D01EF0452D75B65EB52520E96B01E659", Convert.ToHexString(tag));
        });
    }

    [Fact]
    public void HashInput_VectorOfRfc9106Section53_IsItsPreHashingDigest()
    {
        byte[] digest = new byte[64];
        Argon2id.HashInput(RfcInput(), new Argon2Cost(32, 3, 4), 32, digest);
        Assert.Equal(
            "2889DE487EB42AE500C0007ED9252F1069EADEC40D5765B485DE6DC2437A67B8" +
            "546A2F0ACC1A0882DB8FCF74714B472E94DF421A5DA1112FFA11434370A1E997",
            Convert.ToHexString(digest));
    }

    /// <summary>One to four lanes, sizes that do not divide, one pass and several, against Debian's argon2.</summary>
    [Argon2Theory]
    [InlineData(8, 1, 1, 32)]
    [InlineData(37, 3, 1, 4)]
    [InlineData(256, 2, 2, 64)]
    [InlineData(1000, 1, 3, 65)]
    [InlineData(1003, 4, 4, 100)]
    [InlineData(4096, 3, 4, 32)]
    [InlineData(19456, 2, 1, 32)]
    public void Derive_AsTheArgon2Command_GivesTheSame(int memoryKib, int iterations, int parallelism, int length)
    {
        string expected = Answer("a password", "somesalt16bytes!", memoryKib, iterations, parallelism, length);
        foreach (BlockMixing mixing in Supported)
        {
            byte[] output = new byte[length];
            var input = new Argon2Input { Password = "a password"u8, Salt = "somesalt16bytes!"u8 };
            Argon2id.Derive(input, new Argon2Cost(memoryKib, iterations, parallelism), output, mixing);
            Assert.Equal(expected, Convert.ToHexString(output), ignoreCase: true);
        }
    }

    /// <summary>Segments longer than one block of addresses (128), for one to four lanes and every instruction set.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Derive_ManyLanes_IsTheSameByEveryInstructionSetAndEveryTime(int parallelism)
    {
        var results = new HashSet<string>();
        foreach (BlockMixing mixing in Supported.Concat([BlockMixer.Best, BlockMixer.Best]))
        {
            byte[] output = new byte[32];
            var input = new Argon2Input { Password = "p"u8, Salt = "saltsalt"u8 };
            Argon2id.Derive(input, new Argon2Cost(600 * 4 * parallelism + 3, 2, parallelism), output, mixing);
            results.Add(Convert.ToHexString(output));
        }

        Assert.Single(results);
    }

    [Fact]
    public void Derive_EachInputChanged_GivesAnotherResult()
    {
        string[] results =
        [
            Derive("password", "saltsalt", 64, 1, 1, 32), Derive("Password", "saltsalt", 64, 1, 1, 32),
            Derive("password", "saltsalu", 64, 1, 1, 32), Derive("password", "saltsalt", 72, 1, 1, 32),
            Derive("password", "saltsalt", 64, 2, 1, 32), Derive("password", "saltsalt", 64, 1, 2, 32),
            Derive("password", "saltsalt", 64, 1, 1, 33)[..64], Derive("", "saltsalt", 64, 1, 1, 32),
        ];

        Assert.Equal(results.Length, results.Distinct().Count());
    }

    [Fact]
    public void Derive_ManyAtOnce_DoNotDisturbOneAnother()
    {
        string expected = Derive("password", "saltsalt", 2048, 2, 4, 32);
        var results = new string[8];

        Parallel.For(0, results.Length, i => results[i] = Derive("password", "saltsalt", 2048, 2, 4, 32));

        Assert.All(results, result => Assert.Equal(expected, result));
    }

    [Fact]
    public void Derive_CancelledBefore_ThrowsAndLeavesTheOutput()
    {
        byte[] output = new byte[32];
        Assert.Throws<OperationCanceledException>(
            () => Argon2id.Derive("password"u8, "saltsalt"u8, 65536, 3, 4, output, new CancellationToken(canceled: true)));
        Assert.Equal(new byte[32], output);
    }

    [Fact]
    public async Task Derive_CancelledWhileItRuns_StopsLongBeforeItsEnd()
    {
        byte[] output = new byte[32];
        using var source = new CancellationTokenSource();

        // 200000 passes would take minutes.
        Task running = Task.Run(() => Argon2id.Derive("password"u8, "saltsalt"u8, 8192, 200_000, 4, output, source.Token));
        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal(new byte[32], output);
    }

    [Theory]
    [InlineData(7, 1, 1, 8, 32)]
    [InlineData(31, 1, 4, 8, 32)]
    [InlineData(64, 0, 1, 8, 32)]
    [InlineData(64, 1, 0, 8, 32)]
    [InlineData(64, 1, 1, 7, 32)]
    [InlineData(64, 1, 1, 8, 3)]
    [InlineData(-1, 1, 1, 8, 32)]
    [InlineData(int.MaxValue, 1, 1, 8, 32)]
    public void Derive_OutsideItsForm_Throws(int memoryKib, int iterations, int parallelism, int saltLength, int length)
    {
        Assert.ThrowsAny<ArgumentException>(
            () => Argon2id.Derive("password"u8, new byte[saltLength], memoryKib, iterations, parallelism, new byte[length]));
    }

    private static IEnumerable<BlockMixing> Supported => Enum.GetValues<BlockMixing>().Where(BlockMixer.IsSupported);

    private static Argon2Input RfcInput() => new()
    {
        Password = Repeat(1, 32),
        Salt = Repeat(2, 16),
        Key = Repeat(3, 8),
        AssociatedData = Repeat(4, 12),
    };

    private static byte[] Repeat(byte value, int count) => [.. Enumerable.Repeat(value, count)];

    private static string Derive(string password, string salt, int memoryKib, int iterations, int parallelism, int length)
    {
        byte[] output = new byte[length];
        Argon2id.Derive(
            Encoding.UTF8.GetBytes(password), Encoding.UTF8.GetBytes(salt), memoryKib, iterations, parallelism, output);
        return Convert.ToHexString(output);
    }

    private static string Answer(string password, string salt, int memoryKib, int iterations, int parallelism, int length)
    {
        var start = new ProcessStartInfo(
            "argon2", [salt, "-id", "-t", $"{iterations}", "-k", $"{memoryKib}", "-p", $"{parallelism}", "-l", $"{length}", "-r"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Write(password);
        process.StandardInput.Close();
        return process.StandardOutput.ReadToEnd().Trim();
    }
}
