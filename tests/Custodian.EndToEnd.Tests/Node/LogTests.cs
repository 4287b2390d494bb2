using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;

namespace Custodian.EndToEnd.Tests.Node;

/// <summary>The log explains every refusal under the request id that its caller got, and repeats nothing of what came with the request.</summary>
[Collection(SingleNode.Collection)]
public sealed class LogTests(SingleNode one)
{
    [Fact]
    public async Task Refusal_ByRule_IsInTheLogUnderItsRequestId()
    {
        (SoloRecord record, RawCaller caller) = await one.EnrolAsync();
        using (caller)
        using (record)
        {
            await record.DeleteAsync(RecordState.Active);

            JsonNode line = await LineOfAsync(await WireRefusal.OfAsync(record.EvaluateAsync(record.NewAttempt())));

            Assert.Equal("Evaluate", (string?)line["State"]!["Method"]);
            Assert.Equal("RECORD_DESTROYED", (string?)line["State"]!["Reason"]);
            Assert.True(DateTimeOffset.TryParseExact(
                (string?)line["Timestamp"], "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _));
        }
    }

    [Fact]
    public async Task Refusal_OfAField_NamesTheFieldInTheLog()
    {
        using RawCaller caller = one.CallerFor(one.NewSubject());

        JsonNode line = await LineOfAsync(await WireRefusal.OfAsync(
            caller.Client.PrepareAsync(new PrepareRequest { SetId = one.Realm.SetId, RecordId = ByteString.CopyFrom(new byte[15]) }, caller.Headers)));

        Assert.Equal("INVALID_REQUEST", (string?)line["State"]!["Reason"]);
        Assert.Contains("record_id", (string?)line["State"]!["Field"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_AfterBadTokensAndMalformedRequests_HoldsNothingOfThem()
    {
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        string word = Convert.ToHexStringLower(secret);
        string token = one.Realm.Issuer.TokenFor(one.Node.NodeId, word);
        using RawCaller good = one.CallerWith(() => token);
        using RawCaller altered = one.CallerWith(() => token[..^8] + "AAAAAAAA");
        using RawCaller garbage = one.CallerWith(() => word);
        var bytes = ByteString.CopyFrom([.. secret, .. secret]);
        AsyncUnaryCall<DescribeResponse> Describe(RawCaller caller, string set) =>
            caller.Client.DescribeAsync(new DescribeRequest { SetId = set }, caller.Headers);

        WireRefusal[] refusals =
        [
            await WireRefusal.OfAsync(Describe(altered, one.Realm.SetId)),
            await WireRefusal.OfAsync(Describe(garbage, one.Realm.SetId)),
            await WireRefusal.OfAsync(Describe(good, word)),
            await WireRefusal.OfAsync(good.Client.PrepareAsync(
                new PrepareRequest { SetId = one.Realm.SetId, RecordId = bytes, Blinded = bytes }, good.Headers)),
            await WireRefusal.OfAsync(good.Client.EvaluateAsync(
                new EvaluateRequest { SetId = one.Realm.SetId, RecordId = bytes, AttemptId = bytes, Blinded = bytes }, good.Headers)),
            await WireRefusal.OfAsync(good.Client.DepositAsync(
                new DepositRequest
                {
                    SetId = one.Realm.SetId, SealedKey = bytes, Header = bytes, MaskedShare = bytes, Envelope = bytes, DepositSignature = bytes,
                    ReplaceSignature = bytes, ReplacesRecordId = bytes, ReplacesPending = bytes,
                },
                good.Headers)),
        ];

        // Of rejected tokens there is a line a second, whoever was the one.
        foreach (WireRefusal refusal in refusals.Where((r, i) => i == 0 || r.Reason != "TOKEN_REJECTED"))
        {
            await LineOfAsync(refusal);
        }

        string log = one.Node.Logs;
        string[] forms = [word, word.ToUpperInvariant(), Convert.ToBase64String(secret)[..40], .. token.Split('.')];
        Assert.All(forms, form => Assert.DoesNotContain(form, log, StringComparison.Ordinal));
        string pin = await File.ReadAllTextAsync(Path.Combine(one.Node.Folder, "pin"));
        Assert.DoesNotContain(pin, log, StringComparison.Ordinal);
    }

    /// <summary>The one line of the node's log that has the refusal's request id.</summary>
    private async Task<JsonNode> LineOfAsync(WireRefusal refusal)
    {
        string id = refusal.RequestId ?? throw new InvalidOperationException($"{refusal} has no request id");
        string[] Lines(string log) => [.. log.Split('\n')[..^1].Where(l => l.Contains(id, StringComparison.Ordinal))];
        string log = await one.Node.Process.Output.UntilAsync(text => Lines(text).Length > 0);
        return JsonNode.Parse(Assert.Single(Lines(log)))!;
    }
}
