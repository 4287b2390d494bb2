using System.Text.Json;
using System.Text.Json.Nodes;
using Custodian.Benchmarks;

// tests/bench.sh calls it: prints a Markdown table of the comparisons and writes them as JSON. Without a peer, a row says that it was skipped.
string? gfshare = null, json = null;
List<string> only = [];
bool isUnderstood = args is ["compare", ..] && args.Length % 2 == 1;
for (int i = 1; isUnderstood && i < args.Length; i += 2)
{
    switch (args[i])
    {
        case "--gfshare": gfshare = args[i + 1]; break;
        case "--json": json = args[i + 1]; break;
        case "--only": only.Add(args[i + 1]); break;
        default: isUnderstood = false; break;
    }
}

// In the order of the table.
(string Name, Func<IEnumerable<Row>> Run)[] benchmarks =
[
    ("saturated", SaturatedBenchmark.Run),
    ("evaluate", EvaluateBenchmark.Run),
    ("deposit", DepositBenchmark.Run),
    ("recovery", RecoveryBenchmark.Run),
    ("command", CommandBenchmark.Run),
    ("argon2id", Argon2idBenchmark.Run),
    ("shamir", () => ShamirBenchmark.Run(gfshare)),
    ("scale", ScaleBenchmark.Run),
    ("memory", MemoryBenchmark.Run),
];

if (args is ["isolation", .. var rest])
{
    return IsolationBenchmark.Run(rest);
}

if (!isUnderstood || only.Exists(name => !benchmarks.Any(b => b.Name == name)))
{
    Console.Error.WriteLine($"usage: compare [--only {string.Join('|', benchmarks.Select(b => b.Name))}]... [--gfshare PROGRAM] [--json FILE]");
    Console.Error.WriteLine("       isolation [sessions [rounds]]   operations through the HSM's process against the bare module");
    return 2;
}

Console.WriteLine(Row.Head);
JsonArray rows = [];
JsonObject whole = new()
{
    ["machine"] = Machine.ToJson(),
    ["versions"] = Machine.Versions("softhsm2", "argon2", "libgfshare2", "ssss", "tang-common", "clevis"),
    ["rows"] = rows,
};
foreach ((string name, Func<IEnumerable<Row>> run) in benchmarks.Where(b => only.Count == 0 || only.Contains(b.Name)))
{
    Console.Error.WriteLine($"measuring {name}");
    foreach (Row row in run())
    {
        Console.WriteLine(row.Text());
        rows.Add(row.ToJson());
    }

    // After each: what one that fails would take along was measured all the same.
    if (json is not null)
    {
        File.WriteAllText(json, whole.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }
}

return 0;
