using System.CommandLine;
using Custodian.Soak;

var seconds = new Option<int>("--seconds") { Description = "how long in all, the verification at the end included", DefaultValueFactory = _ => 600 };
var nodes = new Option<int>("--nodes") { Description = "how many nodes", DefaultValueFactory = _ => 5 };
var threshold = new Option<int>("--threshold") { Description = "how many of them give a key back", DefaultValueFactory = _ => 3 };
var root = new RootCommand(
    "Enrols, recovers and changes secrets at real nodes that are killed, stopped, delayed and cut off at random, then asks for every key "
    + "that was promised. Exit status 0 when none was lost and none was wrong. The weather follows TESTS_SEED, which tests/soak.sh takes from SOAK_SEED.")
{
    seconds, nodes, threshold,
};
root.SetAction((parsed, cancellation) => new Soak(
    new SoakOptions(parsed.GetValue(nodes), parsed.GetValue(threshold), TimeSpan.FromSeconds(parsed.GetValue(seconds))),
    TimeProvider.System,
    Console.Error).RunAsync(Console.Out, cancellation));
return await root.Parse(args).InvokeAsync();
