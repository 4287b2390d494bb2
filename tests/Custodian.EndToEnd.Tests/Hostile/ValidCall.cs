using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.EndToEnd.Tests.Hostile;

/// <summary>A request of each call, before anything happens to it.</summary>
internal static class ValidCall
{
    /// <summary>All calls of the service.</summary>
    internal static IReadOnlyList<string> Names { get; } = ["Prepare", "Deposit", "Activate", "Describe", "Evaluate", "Confirm", "Retire", "Delete"];

    /// <summary>Of its form in every field; its signatures are nobody's.</summary>
    internal static IMessage Of(string name, SoloRecord record, string set)
    {
        var signature = ByteString.CopyFrom(new byte[64]);
        ByteString id = record.Id;
        SoloRecord.Attempt attempt = record.NewAttempt();
        var attemptId = ByteString.CopyFrom(attempt.Id.ToArray());
        return name switch
        {
            "Prepare" => new PrepareRequest { RecordId = id, Blinded = attempt.Blinded.Bytes, SetId = set },
            "Deposit" => new DepositRequest
            {
                SealedKey = ByteString.CopyFrom(new byte[300]), Header = ByteString.CopyFrom(record.Header.Bytes.Span),
                MaskedShare = ByteString.CopyFrom(new byte[32]), Envelope = ByteString.CopyFrom(new byte[285]), DepositSignature = signature, SetId = set,
            },
            "Activate" => new ActivateRequest { RecordId = id, Signature = signature, SetId = set },
            "Describe" => new DescribeRequest { SetId = set },
            "Evaluate" => new EvaluateRequest { RecordId = id, AttemptId = attemptId, Blinded = attempt.Blinded.Bytes, SetId = set },
            "Confirm" => new ConfirmRequest { RecordId = id, AttemptId = attemptId, Signature = signature, Sequence = 1, SetId = set },
            "Retire" => new RetireRequest { RecordId = id, Signature = signature, SetId = set },
            "Delete" => new DeleteRequest { RecordId = id, Signature = signature, State = RecordState.Active, SetId = set },
            _ => throw new ArgumentOutOfRangeException(nameof(name)),
        };
    }
}
