using System.CommandLine;
using System.Text.Json.Nodes;
using Custodian.Cli.Development;
using Custodian.Cli.Reporting;

namespace Custodian.Cli.Commands;

/// <summary><c>custody dev-issuer</c>.</summary>
internal static class DevIssuerCommand
{
    private const string Summary = "FOR DEVELOPMENT ONLY: make a key that signs tokens, in place of a login";

    private const string Details = """
        Writes issuer.key (mode 0600), issuer.json and jwks.json. No node trusts it unless its configuration names the issuer and this
        jwks.json. Whoever can read issuer.key can act as any user at a node that does: never configure it beside real users.
        """;

    internal static Command Build(Surroundings surroundings)
    {
        Option<string> folder = new("--dir") { Description = "the issuer's folder, made if missing", HelpName = "DIR", Required = true };
        Option<string> issuer = new("--issuer")
        {
            Description = "the issuer's name, as the nodes' configuration has it", HelpName = "URL", Required = true,
        };
        Option<bool> force = new("--force") { Description = "replace a key that is there; its tokens are then worth nothing" };
        issuer.Validators.Add(result =>
        {
            if (!Uri.TryCreate(result.GetValueOrDefault<string>(), UriKind.Absolute, out Uri? url) || url.Scheme is not ("https" or "http"))
            {
                result.AddError("--issuer must be a URL, such as https://login.dev.example");
            }
        });
        Command command = new DocumentedCommand("dev-issuer", Summary, Details) { folder, issuer, force };
        CommandBody.Attach(command, surroundings, (parsed, reporter, _) =>
        {
            Run(parsed.GetRequiredValue(folder), parsed.GetRequiredValue(issuer), parsed.GetValue(force), reporter);
            return Task.CompletedTask;
        });
        return command;
    }

    private static void Run(string folder, string issuer, bool force, Reporter reporter)
    {
        using DevIssuer made = DevIssuer.Create(folder, issuer, force);
        string keySet = Path.GetFullPath(Path.Combine(folder, DevIssuer.KeySetFile));
        reporter.Result(
            new JsonObject { ["issuer"] = issuer, ["kid"] = made.KeyId, ["jwks_file"] = keySet },
            $$"""
            made a development issuer in {{folder}}
            a node trusts it with this in its configuration, and not before:
              "issuers": [ { "issuer": "{{issuer}}", "jwks_file": "{{keySet}}" } ]

            """);
    }
}
