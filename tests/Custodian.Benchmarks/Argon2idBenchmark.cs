using System.Text;
using Custodian.Client;

namespace Custodian.Benchmarks;

/// <summary>Argon2id with the parameters of enrolment, in turn with the <c>argon2</c> command.</summary>
internal static class Argon2idBenchmark
{
    private const int Rounds = 21;
    private const int MemoryKib = 65536;
    private const int Iterations = 3;
    private const int Parallelism = 4;
    private const string Salt = "somesalt16bytes!";

    internal static IEnumerable<Row> Run()
    {
        byte[] expected = new byte[32];
        double first = Clock.Time(() => Derive(expected));
        var comparison = new Comparison(
            "argon2id", "ms", "64 MiB, 3 passes, 4 lanes", "Debian's `argon2` command, its start included", Reach: 1.25);
        for (int round = 0; round < Rounds; round++)
        {
            string? answer = null;
            byte[] output = new byte[32];
            double command = 0, ours = 0;
            Action[] turns =
            [
                () => command = Clock.Time(() => answer = Machine.Answer(
                    "argon2", "password", Salt, "-id", "-t", $"{Iterations}", "-k", $"{MemoryKib}", "-p", $"{Parallelism}", "-l", "32", "-r")),
                () => ours = Clock.Time(() => Derive(output)),
            ];

            // Each goes first in every other round.
            turns[round % 2]();
            turns[1 - (round % 2)]();
            if (answer is null)
            {
                comparison.Note = "the argon2 command is missing";
                yield return comparison;
                yield break;
            }

            Require(output, expected);
            Require(Convert.FromHexString(answer.Trim()), expected);
            comparison.Add(ours / 1000, command / 1000);
        }

        comparison.Note = FormattableString.Invariant($"the first run of the process took {first / 1000:0} ms");
        yield return comparison;
    }

    private static void Derive(byte[] output) => Argon2id.Derive(
        new Argon2Input { Password = "password"u8, Salt = Encoding.ASCII.GetBytes(Salt) },
        new Argon2Cost(MemoryKib, Iterations, Parallelism), output, BlockMixer.Best);

    private static void Require(ReadOnlySpan<byte> output, ReadOnlySpan<byte> expected)
    {
        if (!output.SequenceEqual(expected))
        {
            throw new InvalidOperationException("the results differ");
        }
    }
}
