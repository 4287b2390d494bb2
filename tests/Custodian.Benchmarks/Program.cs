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

var benchmarks = new SortedDictionary<string, Func<IEnumerable<Comparison>>>(StringComparer.Ordinal)
{
    ["argon2id"] = Argon2idBenchmark.Run,
    ["evaluate"] = EvaluateBenchmark.Run,
    ["shamir"] = () => ShamirBenchmark.Run(gfshare),
};

if (args is ["isolation", .. var rest])
{
    return IsolationBenchmark.Run(rest);
}

if (!isUnderstood || only.Exists(name => !benchmarks.ContainsKey(name)))
{
    Console.Error.WriteLine($"usage: compare [--only {string.Join('|', benchmarks.Keys)}]... [--gfshare PROGRAM] [--json FILE]");
    Console.Error.WriteLine("       isolation [sessions [rounds]]   operations through the HSM's process against the bare module");
    return 2;
}

Console.WriteLine(Comparison.Head);
JsonArray rows = [];
foreach ((string name, Func<IEnumerable<Comparison>> run) in benchmarks.Where(b => only.Count == 0 || only.Contains(b.Key)))
{
    Console.Error.WriteLine($"measuring {name}");
    foreach (Comparison comparison in run())
    {
        Console.WriteLine(comparison.Row());
        rows.Add(comparison.ToJson());
    }
}

if (json is not null)
{
    JsonObject whole = new()
    {
        ["machine"] = Machine.ToJson(),
        ["versions"] = Machine.Versions("softhsm2", "argon2", "libgfshare2", "ssss"),
        ["rows"] = rows,
    };
    File.WriteAllText(json, whole.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
}

return 0;
