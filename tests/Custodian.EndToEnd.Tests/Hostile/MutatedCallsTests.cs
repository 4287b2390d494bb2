using System.Collections.Concurrent;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;
using Xunit.Abstractions;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>Every call of a real node with messages that were valid before something happened to them.</summary>
[Collection(AttackedNode.Collection)]
public sealed class MutatedCallsTests(AttackedNode attacked, ITestOutputHelper output)
{
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create<byte[]>(
        (bytes, context) => context.Complete(bytes), context => context.PayloadAsNewBuffer());

    public static TheoryData<string> Names => [.. ValidCall.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Call_MutatedMessage_IsAnsweredOrRefusedAsDocumented(string name)
    {
        using RawCaller caller = attacked.CallerFor($"a mutant of {name}");
        using SoloRecord record = await SoloRecord.EnrolAsync(
            caller, attacked.Realm.SetId, attacked.Node.NodeId, attacked.Realm.Issuer.Name, caller.Subject!);
        IMessage valid = ValidCall.Of(name, record, attacked.Realm.SetId);
        var mutator = new Mutator(new Draws($"hostile/{name}"));
        Mutation[] mutations = [.. Enumerable.Range(0, Effort.Times(60, 5000)).Select(_ => mutator.Mutate(valid))];
        var reasons = new ConcurrentDictionary<string, int>();

        await Parallel.ForEachAsync(mutations, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (mutation, _) =>
            reasons.AddOrUpdate(await SendAsync(caller, name, mutation), 1, (_, n) => n + 1));

        output.WriteLine($"seed {Effort.Seed}: {string.Join(", ", reasons.OrderBy(r => r.Key).Select(r => $"{r.Value} {r.Key}"))}");
        Assert.Contains("INVALID_REQUEST", reasons.Keys);
        await attacked.RecoverAsync();
    }

    /// <summary>The reason, or OK.</summary>
    private static async Task<string> SendAsync(RawCaller caller, string name, Mutation mutation)
    {
        var method = new Method<byte[], byte[]>(MethodType.Unary, "custodian.v1.Custody", name, Raw, Raw);
        try
        {
            await caller.Channel.CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(caller.Headers), mutation.Bytes);
            return "OK";
        }
        catch (RpcException refused)
        {
            return Documented.Refusal(
                refused.StatusCode, refused.Trailers.GetValueBytes("grpc-status-details-bin"), $"seed {Effort.Seed}, {name}, {mutation}");
        }
    }
}
