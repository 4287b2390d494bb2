using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Custodian.Client;

namespace Custodian.Benchmarks;

/// <summary>Argon2id with the parameters of enrolment, in turn with the <c>argon2</c> command, so that both meet the same weather.</summary>
internal static class Argon2idBenchmark
{
    private const int Rounds = 21;
    private const int MemoryKib = 65536;
    private const int Iterations = 3;
    private const int Parallelism = 4;
    private const string Salt = "somesalt16bytes!";

    internal static int Run()
    {
        byte[] expected = new byte[32];
        var command = new Sample("`argon2` command, process start included");
        var first = new Sample("ours, first run of the process");
        first.Add(Time(() => Derive(expected, BlockMixer.Best)));

        var mixings = Enum.GetValues<BlockMixing>().Where(BlockMixer.IsSupported).Reverse().ToList();
        var samples = mixings.ConvertAll(mixing => new Sample($"ours, {mixing}"));
        for (int round = 0; round < Rounds; round++)
        {
            if (!TryTimeCommand(expected, command))
            {
                Console.Error.WriteLine("the argon2 command is missing: apt-get install argon2");
                return 1;
            }

            for (int i = 0; i < mixings.Count; i++)
            {
                byte[] output = new byte[32];
                samples[i].Add(Time(() => Derive(output, mixings[i])));
                Require(output, expected);
            }
        }

        Sample.Print($"ms for {MemoryKib} KiB, {Iterations} passes, {Parallelism} lanes, {Environment.ProcessorCount} cores", [command, .. samples, first]);
        return 0;
    }

    private static void Derive(byte[] output, BlockMixing mixing) => Argon2id.Derive(
        new Argon2Input { Password = "password"u8, Salt = Encoding.ASCII.GetBytes(Salt) },
        new Argon2Cost(MemoryKib, Iterations, Parallelism), output, mixing);

    private static bool TryTimeCommand(byte[] expected, Sample sample)
    {
        var start = new ProcessStartInfo("argon2", [Salt, "-id", "-t", $"{Iterations}", "-k", $"{MemoryKib}", "-p", $"{Parallelism}", "-l", "32", "-r"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        try
        {
            string answer = "";
            sample.Add(Time(() => answer = Answer(start)));
            Require(Convert.FromHexString(answer.Trim()), expected);
            return true;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    private static string Answer(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)!;
        process.StandardInput.Write("password");
        process.StandardInput.Close();
        string answer = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return answer;
    }

    private static double Time(Action action)
    {
        long started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static void Require(ReadOnlySpan<byte> output, ReadOnlySpan<byte> expected)
    {
        if (!output.SequenceEqual(expected))
        {
            throw new InvalidOperationException("the results differ");
        }
    }
}
