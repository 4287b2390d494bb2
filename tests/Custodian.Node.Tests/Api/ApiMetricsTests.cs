using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Custodian.Node.Api;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Tests.Records;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Extensions.DependencyInjection;

namespace Custodian.Node.Tests.Api;

/// <summary>What a node counts of its calls.</summary>
public sealed class ApiMetricsTests(TestNode node) : IClassFixture<TestNode>
{
    [Fact]
    public async Task Calls_AnsweredRefusedAndFailed_AreCountedByMethodAndOutcome()
    {
        var measured = new ConcurrentBag<string>();
        using MeterListener listener = Listen(measured);
        TestUser user = node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        await Refused.ByAsync(user.Node.EvaluateAsync(user.NewRecord().Evaluate(AttemptId.Draw()), user.Token));
        node.Hsm.FailNext(new HsmException(HsmErrorClass.Session, 0xB3, "C_Decrypt", "gone"));
        await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token));

        Assert.Superset(
            new HashSet<string>
            {
                "custodian.calls method=Prepare outcome=OK",
                "custodian.calls method=Deposit outcome=OK",
                "custodian.calls method=Activate outcome=OK",
                "custodian.calls method=Evaluate outcome=RECORD_NOT_FOUND",
                "custodian.calls method=Evaluate outcome=HSM_UNAVAILABLE",
                "custodian.call.duration method=Evaluate",
                "custodian.hsm.duration operation=prepare outcome=OK",
                "custodian.hsm.duration operation=adopt outcome=OK",
                "custodian.hsm.duration operation=evaluate outcome=FAILED",
                "custodian.refunds outcome=REFUNDED",
            },
            measured.ToHashSet());
    }

    private MeterListener Listen(ConcurrentBag<string> measured)
    {
        Meter meter = node.Services.GetRequiredService<IMeterFactory>().Create(ApiMetrics.MeterName);
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (ReferenceEquals(instrument.Meter, meter))
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => measured.Add(Text(instrument, tags)));
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => measured.Add(Text(instrument, tags)));
        listener.Start();
        return listener;
    }

    private static string Text(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string text = instrument.Name;
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            text += $" {tag.Key}={tag.Value}";
        }

        return text;
    }
}
