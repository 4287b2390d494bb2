using System.Collections.Immutable;
using System.Text.Json;
using Custodian.Cli.Reporting;
using Custodian.Protocol;

namespace Custodian.Cli.Tokens;

/// <summary>Tokens from a JSON object <c>{ "node_id": "token", ... }</c> in an environment variable, <c>--tokens-env</c>.</summary>
internal sealed class MapTokens : TokenSource
{
    private readonly string _variable;
    private readonly ImmutableDictionary<string, string> _tokens;

    private MapTokens(string variable, ImmutableDictionary<string, string> tokens) => (_variable, _tokens) = (variable, tokens);

    /// <summary>Reads the object.</summary>
    /// <param name="variable">The variable's name, for messages.</param>
    /// <param name="json">Its value; null when it is not set.</param>
    /// <exception cref="CommandFailedException">It is not set, or is no such object.</exception>
    internal static MapTokens Parse(string variable, string? json)
    {
        if (string.IsNullOrWhiteSpace(json))
        {
            throw CommandFailedException.Usage($"the environment variable {variable} is not set", Form(variable));
        }

        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new MapTokens(variable, Read(variable, document.RootElement));
        }
        catch (JsonException)
        {
            // The parser's message would quote the value, which holds tokens.
            throw NotAMap(variable);
        }
    }

    /// <inheritdoc/>
    internal override ValueTask<string> GetAsync(NodeId node, CancellationToken cancellation) =>
        _tokens.TryGetValue(node.Value, out string? token)
            ? ValueTask.FromResult(token)
            : ValueTask.FromException<string>(new IOException($"{_variable} has none for this node"));

    private static ImmutableDictionary<string, string> Read(string variable, JsonElement root) =>
        root.ValueKind == JsonValueKind.Object && root.EnumerateObject().All(p => p.Value.ValueKind == JsonValueKind.String)
            ? root.EnumerateObject().ToImmutableDictionary(p => p.Name, p => p.Value.GetString()!.Trim(), StringComparer.Ordinal)
            : throw NotAMap(variable);

    private static CommandFailedException NotAMap(string variable) =>
        CommandFailedException.Usage($"the environment variable {variable} is not a JSON object of tokens", Form(variable));

    private static string Form(string variable) => $"{variable}='{{\"node-1.eu-west\": \"eyJ...\", ...}}'";
}
