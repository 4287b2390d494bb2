using System.Text.Json;
using System.Text.Json.Nodes;
using Custodian.Protocol;

namespace Custodian.Client.Tests;

public sealed class CustodianSetTests
{
    private const string Pin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    [Fact]
    public void Parse_ASet_ReadsEveryField()
    {
        CustodianSet set = CustodianSet.Parse(Json(set =>
        {
            set["min_threshold"] = 2;
            set["nodes"]![4]!["retired"] = true;
            set["nodes"]![0]!["spki_sha256"] = new JsonArray(Pin);
        }));

        Assert.Equal(("acme-prod", 3, 2), (set.Id.Value, set.Threshold, set.MinThreshold));
        Assert.Equal(5, set.Nodes.Length);
        Assert.Equal(4, set.Participants.Length);
        CustodianNode first = set.Nodes[0];
        Assert.Equal(("node-1", "region-1", "operator-1"), (first.Id.Value, first.Region, first.Operator));
        Assert.Equal(new Uri("https://node-1.example:8443"), first.Address);
        Assert.Equal(Pin, Assert.Single(first.Pins));
        Assert.True(set.TryGetNode(NodeId.Parse("node-5"), out CustodianNode? last) && last.Retired);
    }

    [Fact]
    public void Parse_NoMinThreshold_TakesTheThreshold() => Assert.Equal(3, CustodianSet.Parse(Json(_ => { })).MinThreshold);

    public static TheoryData<string, string> Mistakes => new()
    {
        { "set_id", """{"set_id":"Acme"}""" },
        { "set_id", """{"set_id":null}""" },
        { "threshold", """{"threshold":2}""" },
        { "threshold", """{"threshold":6}""" },
        { "threshold", """{"threshold":0}""" },
        { "threshold", """{"threshold":"3"}""" },
        { "threshold", """{"threshold":null}""" },
        { "min_threshold", """{"min_threshold":0}""" },
        { "min_threshold", """{"min_threshold":4}""" },
        { "thresold", """{"thresold":3}""" },
        { "nodes", """{"nodes":[]}""" },
        { "nodes", """{"nodes":{}}""" },
        { "nodes[1].node_id", """{"nodes/1/node_id":"node-1"}""" },
        { "nodes[1].node_id", """{"nodes/1/node_id":"-"}""" },
        { "nodes[1].region", """{"nodes/1/region":"region-1"}""" },
        { "nodes[1].region", """{"nodes/1/region":" "}""" },
        { "nodes[1].operator", """{"nodes/1/operator":null}""" },
        { "nodes[1].address", """{"nodes/1/address":"http://node-2.example:8443"}""" },
        { "nodes[1].address", """{"nodes/1/address":"https://node-2.example"}""" },
        { "nodes[1].address", """{"nodes/1/address":"https://node-2.example:"}""" },
        { "nodes[1].address", """{"nodes/1/address":"https://node-2.example:8443/path"}""" },
        { "nodes[1].address", """{"nodes/1/address":"https://user@node-2.example:8443"}""" },
        { "nodes[1].address", """{"nodes/1/address":"https://node-2.example:8443?q"}""" },
        { "nodes[1].address", """{"nodes/1/address":"https://node-2.example:99999"}""" },
        { "nodes[1].address", """{"nodes/1/address":"node-2.example:8443"}""" },
        { "nodes[1].address", """{"nodes/1/address":"https://node-1.example:8443"}""" },
        { "nodes[1].adress", """{"nodes/1/adress":"https://node-2.example:8443"}""" },
        { "nodes[1].retired", """{"nodes/1/retired":"no"}""" },
        { "nodes[1].spki_sha256", """{"nodes/1/spki_sha256":["AAAA"]}""" },
        { "nodes[1].spki_sha256", """{"nodes/1/spki_sha256":"AAAA"}""" },
        { "nodes[1].ca_file", """{"nodes/1/ca_file":"no-such-file.pem"}""" },
        { "nodes[1]", """{"nodes/1":"node-2"}""" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Parse_OneMistake_NamesItsField(string field, string edits)
    {
        var refused = Assert.Throws<CustodianSetException>(() => CustodianSet.Parse(Json(edits)));

        Assert.Contains(refused.Mistakes, m => m.Field == field && m.Problem.Length > 0);
        Assert.Contains(field, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ManyMistakes_NamesThemAllAtOnce()
    {
        var refused = Assert.Throws<CustodianSetException>(() => CustodianSet.Parse(Json(
            """{"set_id":"Acme","threshold":2,"nodes/1/address":"http://x:1","nodes/2/region":"region-1","nodes/3/node_id":"node-1"}""")));

        Assert.Equal(
            new[] { "set_id", "nodes[1].address", "threshold", "nodes[3].node_id", "nodes[2].region" },
            refused.Mistakes.Select(m => m.Field).ToArray());
    }

    [Fact]
    public void Parse_OperatorWithThresholdNodes_IsRefusedUnlessAllowed()
    {
        const string edits = """{"nodes/0/operator":"Acme","nodes/1/operator":"Acme","nodes/2/operator":"Acme"}""";

        var refused = Assert.Throws<CustodianSetException>(() => CustodianSet.Parse(Json(edits)));

        Assert.Contains("Acme", Assert.Single(refused.Mistakes).Problem, StringComparison.Ordinal);
        Assert.Equal(5, CustodianSet.Parse(Json(edits[..^1] + ""","allow_dominant_operator":true}""")).Nodes.Length);
    }

    [Fact]
    public void Parse_SharedRegion_IsTakenWhenAllowedOrRetired()
    {
        Assert.Equal(5, CustodianSet.Parse(Json("""{"nodes/1/region":"region-1","allow_shared_regions":true}""")).Nodes.Length);
        Assert.Equal(5, CustodianSet.Parse(Json("""{"nodes/1/region":"region-1","nodes/1/retired":true}""")).Nodes.Length);
    }

    [Fact]
    public void Parse_SeventeenNodes_IsRefused()
    {
        string json = Json(set =>
        {
            set["threshold"] = 9;
            set["nodes"] = new JsonArray([.. Enumerable.Range(1, 17).Select(Node)]);
        });

        Assert.Equal("nodes", Assert.Single(Assert.Throws<CustodianSetException>(() => CustodianSet.Parse(json)).Mistakes).Field);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"set_id":"a","set_id":"b"}""")]
    [InlineData("null")]
    [InlineData("""{"set_id":"\ud800"}""")]
    public void Parse_NoJsonObject_IsRefused(string json) => Assert.Throws<CustodianSetException>(() => CustodianSet.Parse(json));

    [Fact]
    public void Parse_Mutated_IsASetUnderTheRulesOrNamesItsMistakes()
    {
        string good = Json(set => set["nodes"]![0]!["spki_sha256"] = new JsonArray(Pin));
        int refused = 0;
        foreach (string mutant in Mutants.OfText(good, Effort.Times(5_000, 500_000), "set file"))
        {
            try
            {
                CustodianSet set = CustodianSet.Parse(mutant);
                Assert.InRange(set.Threshold, (set.Participants.Length / 2) + 1, set.Participants.Length);
                Assert.Equal(set.Nodes.Length, set.Nodes.Select(n => n.Id).Distinct().Count());
            }
            catch (CustodianSetException)
            {
                refused++;
            }
        }

        Assert.NotEqual(0, refused);
    }

    [Fact]
    public void Load_CaFileBesideTheSet_IsRead()
    {
        string folder = Directory.CreateTempSubdirectory("custodian-set").FullName;
        try
        {
            using var authority = TestCertificate.Authority();
            File.WriteAllText(Path.Combine(folder, "ca.pem"), authority.ExportCertificatePem());
            string path = Path.Combine(folder, "custodians.json");
            File.WriteAllText(path, Json("""{"nodes/0/ca_file":"ca.pem"}"""));

            CustodianSet set = CustodianSet.Load(path);

            Assert.Equal(authority.Thumbprint, Assert.Single(set.Nodes[0].Authorities).Thumbprint);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Create_InCode_IsUnderTheSameRules()
    {
        CustodianNode node = new() { Id = NodeId.Parse("a"), Region = "r", Operator = "o", Address = new Uri("http://a:1") };

        var refused = Assert.Throws<CustodianSetException>(() => CustodianSet.Create(SetId.Parse("s"), 1, [node]));

        Assert.Equal("nodes[0].address", Assert.Single(refused.Mistakes).Field);
    }

    [Fact]
    public void Schema_NamesTheFieldsThatAreRead()
    {
        JsonNode schema = JsonNode.Parse(CustodianSet.Schema)!;

        Assert.Equal(
            ["$schema", "set_id", "threshold", "min_threshold", "allow_shared_regions", "allow_dominant_operator", "nodes"],
            schema["properties"]!.AsObject().Select(p => p.Key));
        Assert.Equal(
            ["node_id", "region", "operator", "address", "retired", "spki_sha256", "ca_file"],
            schema["$defs"]!["node"]!["properties"]!.AsObject().Select(p => p.Key));
    }

    private static string Json(Action<JsonObject> edit)
    {
        JsonObject set = new()
        {
            ["$schema"] = "custodian-set.schema.json",
            ["set_id"] = "acme-prod",
            ["threshold"] = 3,
            ["nodes"] = new JsonArray([.. Enumerable.Range(1, 5).Select(Node)]),
        };
        edit(set);
        return set.ToJsonString();
    }

    /// <summary>The good set with edits, given as paths and values; null removes a field.</summary>
    private static string Json(string edits) => Json(set =>
    {
        foreach ((string path, JsonNode? value) in JsonNode.Parse(edits)!.AsObject())
        {
            string[] steps = path.Split('/');
            JsonNode place = set;
            foreach (string step in steps[..^1])
            {
                place = int.TryParse(step, out int index) ? place[index]! : place[step]!;
            }

            if (place is JsonArray list)
            {
                list[int.Parse(steps[^1], System.Globalization.CultureInfo.InvariantCulture)] = value?.DeepClone();
            }
            else if (value is null)
            {
                place.AsObject().Remove(steps[^1]);
            }
            else
            {
                place[steps[^1]] = value.DeepClone();
            }
        }
    });

    private static JsonNode Node(int i) => new JsonObject
    {
        ["node_id"] = $"node-{i}",
        ["region"] = $"region-{i}",
        ["operator"] = $"operator-{i}",
        ["address"] = $"https://node-{i}.example:8443",
    };
}
