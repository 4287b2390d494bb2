using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Clients;

/// <summary>
/// A gRPC client of another make (Debian's python3-grpcio) against a real node: a value, a refusal with its details, a deadline. What it
/// understands is on the wire, and not an agreement between two ends of the same library.
/// </summary>
[Collection(SingleNode.Collection)]
public sealed class IndependentClientTests(SingleNode one)
{
    [PythonFact]
    public async Task Describe_ByPython_AnswersTheNodesName()
    {
        JsonNode answer = await ProbeAsync("--token", TokenFile(), "value");

        Assert.Equal("OK", (string?)answer["status"]);
        Assert.Equal(one.Node.NodeId, (string?)answer["node_id"]);
    }

    [PythonFact]
    public async Task Refusal_ByPython_CarriesReasonAndRequestId()
    {
        JsonNode answer = await ProbeAsync("refusal");

        Assert.Equal("UNAUTHENTICATED", (string?)answer["status"]);
        Assert.Equal("TOKEN_REJECTED", (string?)answer["reason"]);
        Assert.Equal("custodian", (string?)answer["domain"]);
        Assert.False(string.IsNullOrEmpty((string?)answer["request_id"]));
    }

    [PythonFact]
    public async Task NoProtobuf_ByPython_IsInvalidRequest()
    {
        JsonNode answer = await ProbeAsync("--token", TokenFile(), "invalid");

        Assert.Equal("INVALID_ARGUMENT", (string?)answer["status"]);
        Assert.Equal("INVALID_REQUEST", (string?)answer["reason"]);
    }

    [PythonFact]
    public async Task Deadline_ByPython_IsExceeded()
    {
        JsonNode answer = await ProbeAsync("--token", TokenFile(), "deadline");

        Assert.Equal("DEADLINE_EXCEEDED", (string?)answer["status"]);
    }

    private async Task<JsonNode> ProbeAsync(params string[] arguments)
    {
        ProcessOutcome outcome = await ChildProcess.RunAsync(
            PythonFactAttribute.Python,
            [
                Path.Combine(Programs.Root, "tests/python/node_probe.py"), "--address", one.Node.Address, "--ca", one.Realm.CaFile,
                "--set-id", one.Realm.SetId, .. arguments,
            ]);
        return JsonNode.Parse(Expect.Success(outcome).Output)!;
    }

    private string TokenFile() => one.Realm.WriteTokens(one.NewSubject()).Replace("{node_id}", one.Node.NodeId, StringComparison.Ordinal);
}
