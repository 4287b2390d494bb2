using System.CommandLine;
using System.CommandLine.Parsing;
using Custodian.Cli.Files;
using Custodian.Cli.Reporting;
using Custodian.Client;

namespace Custodian.Cli.Commands;

/// <summary>The key to be kept and what is kept beside it; <c>enroll</c> and <c>change-secret</c> have these.</summary>
internal sealed class KeyOptions
{
    private const string StandardInput = "-";

    private readonly Option<string> _key = new("--key")
    {
        Description = "the private key, any file of up to about 63 KiB; - for standard input", HelpName = "FILE",
    };

    private readonly Option<string> _label = new("--label") { Description = "your name for the key, kept encrypted beside it", HelpName = "NAME" };

    private readonly Option<int?> _maxAttempts = new("--max-attempts")
    {
        Description = "how many wrong secrets in a row lock the record, 1 to 100; default 10", HelpName = "N",
    };

    private readonly Option<bool> _allowMissing = new("--allow-missing")
    {
        Description = "go on when one node more than needed has stored it, though not all: the key then survives the loss of one node, no more",
    };

    internal KeyOptions(bool keyRequired)
    {
        _key.Required = keyRequired;
        _maxAttempts.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out int number) && number is < 1 or > 100)
            {
                result.AddError("--max-attempts must be 1 to 100");
            }
        });
    }

    internal void AddTo(Command command)
    {
        command.Add(_key);
        command.Add(_label);
        command.Add(_maxAttempts);
        command.Add(_allowMissing);
    }

    /// <summary>What the options say about how the client works.</summary>
    internal void Apply(ParseResult parsed, CustodianClientOptions options)
    {
        options.AllowPartialEnrolment = parsed.GetValue(_allowMissing);
        options.MaxAttempts = parsed.GetValue(_maxAttempts) ?? options.MaxAttempts;
    }

    /// <summary>Whether a key was given.</summary>
    internal bool IsGiven(SymbolResult parsed) => parsed.GetResult(_key) is not null;

    /// <summary>The label, as the client wants it.</summary>
    internal EnrollOptions Beside(ParseResult parsed) => new() { Label = parsed.GetValue(_label) ?? "" };

    /// <summary>Reads the key, for the caller to dispose.</summary>
    /// <exception cref="CommandFailedException">It cannot be read, or is empty, or standard input is taken by the secret.</exception>
    internal SecretBytes ReadKey(ClientCall call)
    {
        string name = call.Parsed.GetRequiredValue(_key);
        SecretBytes key = name == StandardInput
            ? SecretFile.Read("the key on standard input", InputFor(call), content => new SecretBytes(content))
            : SecretFile.Read(name, content => new SecretBytes(content));
        if (key.Length > 0)
        {
            return key;
        }

        key.Dispose();
        throw CommandFailedException.Usage($"the key is empty: {name}", "--key names the file to be kept");
    }

    private static Stream InputFor(ClientCall call) => call.Secrets.IsStandardInput
        ? throw CommandFailedException.Usage("standard input cannot hold both the key and the secret", "leave one of --key - and --secret-stdin out")
        : call.Surroundings.Input;
}
