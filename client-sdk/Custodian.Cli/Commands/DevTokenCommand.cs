using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Custodian.Cli.Development;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;
using Custodian.Cli.Tokens;
using Custodian.Protocol;

namespace Custodian.Cli.Commands;

/// <summary><c>custody dev-token</c>.</summary>
internal static class DevTokenCommand
{
    private const string Summary = "FOR DEVELOPMENT ONLY: sign a token for each node of a set, with the key that dev-issuer made";

    private const string Details = """
        Of the set file only the nodes' names are read. Each token is for one node alone, good for an hour at most, and written with mode
        0600; a token file that is there is replaced. No node takes it unless it was configured to trust the issuer.
        """;

    internal static Command Build(Surroundings surroundings)
    {
        Option<string> folder = new("--dir") { Description = "the issuer's folder", HelpName = "DIR", Required = true };
        Option<string> set = new("--set") { Description = "the set of custodians", HelpName = "FILE", Required = true };
        Option<string> subject = new("--subject") { Description = "whose account the tokens are for", HelpName = "NAME", Required = true };
        Option<string> output = new("--out")
        {
            Description = "the token files: a name with {node_id} in it, or a folder for {node_id}.jwt", HelpName = "PATTERN", Required = true,
        };
        Option<TimeSpan?> lifetime = new("--lifetime")
        {
            Description = "how long the tokens are good, such as 15m; at most and by default 1h",
            HelpName = "TIME",
            CustomParser = result =>
            {
                TimeSpan? time = Lifetime.Parse(result.Tokens[0].Value);
                if (time is null)
                {
                    result.AddError("--lifetime must be like 90s, 15m or 1h, and at most 1h");
                }

                return time;
            },
        };
        Command command = new DocumentedCommand("dev-token", Summary, Details) { folder, set, subject, output, lifetime };
        CommandBody.Attach(command, surroundings, (parsed, reporter, _) =>
        {
            using DevIssuer issuer = DevIssuer.Open(parsed.GetRequiredValue(folder));
            TokenBatch batch = new(
                parsed.GetRequiredValue(subject), surroundings.Time.GetUtcNow(), parsed.GetValue(lifetime) ?? Lifetime.Longest);
            NodeFilePattern pattern = NodeFilePattern.Parse(parsed.GetRequiredValue(output));
            Run(issuer, batch, SetNames.Read(parsed.GetRequiredValue(set)), pattern, reporter);
            return Task.CompletedTask;
        });
        return command;
    }

    private sealed record TokenBatch(string Subject, DateTimeOffset Issued, TimeSpan Life);

    private static void Run(DevIssuer issuer, TokenBatch batch, ImmutableArray<NodeId> nodes, NodeFilePattern pattern, Reporter reporter)
    {
        JsonObject files = [];
        foreach (NodeId node in nodes)
        {
            string path = Path.GetFullPath(pattern.FileOf(node));
            PrivateFolder.Create(Path.GetDirectoryName(path) ?? path);
            using PrivateFile file = PrivateFile.Claim(path, overwrite: true);
            file.Commit(Encoding.ASCII.GetBytes(issuer.Sign(batch.Subject, node, batch.Issued, batch.Life) + "\n"));
            files[node.Value] = path;
        }

        string until = (batch.Issued + batch.Life).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        reporter.Result(
            new JsonObject { ["issuer"] = issuer.Name, ["subject"] = batch.Subject, ["expires"] = until, ["tokens"] = files },
            $"signed {Wording.Count(nodes.Length, "token")} for {batch.Subject}, good until {until}\n");
    }
}
