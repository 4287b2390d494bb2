using Custodian.Benchmarks;

// A program of its own for each figure in the README: `dotnet run -c Release -- <name>`. Each prints a Markdown table.
var benchmarks = new SortedDictionary<string, (string What, Func<string[], int> Run)>(StringComparer.Ordinal)
{
    ["argon2id"] = ("Argon2id at 64 MiB, 3 passes, 4 lanes, in turn with Debian's argon2 command", _ => Argon2idBenchmark.Run()),
    ["evaluate"] = ("one Evaluate on an idle node against the bare HSM, one commit and one empty call", _ => EvaluateBenchmark.Run()),
    ["isolation"] = ("operations through the HSM's process against the bare module; [sessions [rounds]]", IsolationBenchmark.Run),
    ["shamir"] = ("3-of-5 split and combine of 32 bytes", _ => ShamirBenchmark.Run()),
};

if (args is [var name, .. var rest] && benchmarks.TryGetValue(name, out var benchmark))
{
    return benchmark.Run(rest);
}

Console.Error.WriteLine("usage: dotnet run -c Release -- <name> [arguments]");
foreach ((string known, (string what, _)) in benchmarks)
{
    Console.Error.WriteLine($"  {known,-10} {what}");
}

return 2;
