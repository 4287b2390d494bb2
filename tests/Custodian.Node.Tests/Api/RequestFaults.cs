using Custodian.Node.Tests.Records;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Tests.Api;

/// <summary>A request that is valid but for one field.</summary>
/// <param name="Method">The call.</param>
/// <param name="Field">The field that the refusal must name.</param>
/// <param name="Wrong">What is wrong with it.</param>
/// <param name="Message">The request.</param>
internal sealed record RequestFault(string Method, string Field, string Wrong, IMessage Message)
{
    public override string ToString() => $"{Method} {Field}: {Wrong}";
}

/// <summary>Every field of every request outside its form, one by one (protocol.md sections 3, 9, 11 and 12).</summary>
internal static class RequestFaults
{
    /// <summary>The x-coordinates of the published vectors that lift_x refuses.</summary>
    private static readonly string[] NoPoint =
    [
        "00000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000000000000000000000000000000000000000000000",
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "ffffffff00000001000000000000000000000001000000000000000000000004",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000001",
        "0000000000000000000000000000000000000000000000000000000000000002",
        "0000000000000000000000000000000000000000000000000000000000000003",
    ];

    private static readonly string[] NoSet = ["", "A", "-a", "a-", "a_b", "a b", new('a', 64), "another-set", "é"];

    private static readonly ClientRecord Record = new(1);
    private static readonly ClientRecord Former = new(1);
    private static readonly AttemptId Attempt = AttemptId.Draw();

    internal static IEnumerable<RequestFault> All =>
        [.. Prepare, .. Deposit, .. HeaderFaults.All(Record).Select(f => HeaderFault(f.Field, f.Wrong, f.Header)), .. Activate, .. Describe, .. Evaluate, .. Confirm, .. Retire, .. Delete];

    /// <summary>A request for a record that has no fault in its form.</summary>
    internal static IMessage Valid(string method, ClientRecord record) => method switch
    {
        "Prepare" => record.Prepare(),
        "Deposit" => record.DepositMessage(Bytes(200)),
        "Activate" => record.ActivateMessage(),
        "Describe" => ClientRequests.Describe(),
        "Evaluate" => record.Evaluate(Attempt),
        "Confirm" => record.ConfirmMessage(Attempt, 1),
        "Retire" => record.RetireMessage(record),
        "Delete" => record.DeleteMessage(RecordState.Active),
        _ => throw new ArgumentOutOfRangeException(nameof(method)),
    };

    private static IEnumerable<RequestFault> Prepare =>
        [
            .. Sets("Prepare", Record.Prepare, (m, set) => m.SetId = set),
            .. Lengths("Prepare", "record_id", Record.Prepare, (m, b) => m.RecordId = b, 0, 15, 17),
            .. Points("Prepare", Record.Prepare, (m, b) => m.Blinded = b),
        ];

    private static IEnumerable<RequestFault> Evaluate =>
        [
            .. Sets("Evaluate", EvaluateRequest, (m, set) => m.SetId = set),
            .. Lengths("Evaluate", "record_id", EvaluateRequest, (m, b) => m.RecordId = b, 0, 15, 17),
            .. Lengths("Evaluate", "attempt_id", EvaluateRequest, (m, b) => m.AttemptId = b, 0, 15, 17),
            .. Points("Evaluate", EvaluateRequest, (m, b) => m.Blinded = b),
        ];

    private static IEnumerable<RequestFault> Activate =>
        [
            .. Sets("Activate", Record.ActivateMessage, (m, set) => m.SetId = set),
            .. Lengths("Activate", "record_id", Record.ActivateMessage, (m, b) => m.RecordId = b, 0, 15, 17),
            .. Lengths("Activate", "signature", Record.ActivateMessage, (m, b) => m.Signature = b, 0, 63, 65, 72),
        ];

    private static IEnumerable<RequestFault> Describe => Sets("Describe", ClientRequests.Describe, (m, set) => m.SetId = set);

    private static IEnumerable<RequestFault> Confirm =>
        [
            .. Sets("Confirm", ConfirmRequest, (m, set) => m.SetId = set),
            .. Lengths("Confirm", "record_id", ConfirmRequest, (m, b) => m.RecordId = b, 0, 15, 17),
            .. Lengths("Confirm", "attempt_id", ConfirmRequest, (m, b) => m.AttemptId = b, 0, 15, 17),
            .. Lengths("Confirm", "signature", ConfirmRequest, (m, b) => m.Signature = b, 0, 63, 65),
            Fault("Confirm", "sequence", "0", ConfirmRequest, m => m.Sequence = 0),
        ];

    private static IEnumerable<RequestFault> Retire =>
        [
            .. Sets("Retire", RetireRequest, (m, set) => m.SetId = set),
            .. Lengths("Retire", "record_id", RetireRequest, (m, b) => m.RecordId = b, 0, 15, 17),
            .. Lengths("Retire", "signature", RetireRequest, (m, b) => m.Signature = b, 0, 63, 65),
        ];

    private static IEnumerable<RequestFault> Delete =>
        [
            .. Sets("Delete", DeleteRequest, (m, set) => m.SetId = set),
            .. Lengths("Delete", "record_id", DeleteRequest, (m, b) => m.RecordId = b, 0, 15, 17),
            .. Lengths("Delete", "signature", DeleteRequest, (m, b) => m.Signature = b, 0, 63, 65),
            .. new[] { 0, 4, 5, -1, int.MaxValue }.Select(s => Fault("Delete", "state", $"{s}", DeleteRequest, m => m.State = (RecordState)s)),
        ];

    private static IEnumerable<RequestFault> Deposit =>
        [
            .. Sets("Deposit", DepositRequest, (m, set) => m.SetId = set),
            .. Lengths("Deposit", "sealed_key", DepositRequest, (m, b) => m.SealedKey = b, 0, 1025, 65536),
            .. Lengths("Deposit", "masked_share", DepositRequest, (m, b) => m.MaskedShare = b, 0, 31, 33, 64),
            .. Lengths("Deposit", "envelope", DepositRequest, (m, b) => m.Envelope = b, 0, 284, 65537),
            .. Lengths("Deposit", "deposit_signature", DepositRequest, (m, b) => m.DepositSignature = b, 0, 63, 65),
            .. Lengths("Deposit", "replace_signature", Replacing, (m, b) => m.ReplaceSignature = b, 0, 63, 65),
            .. Lengths("Deposit", "replaces_record_id", Replacing, (m, b) => m.ReplacesRecordId = b, 0, 15, 17),
            .. Lengths("Deposit", "replaces_pending", DepositRequest, (m, b) => m.ReplacesPending = b, 1, 15, 17),
        ];

    private static EvaluateRequest EvaluateRequest() => Record.Evaluate(Attempt);

    private static ConfirmRequest ConfirmRequest() => Record.ConfirmMessage(Attempt, 1);

    private static RetireRequest RetireRequest() => Record.RetireMessage(Record);

    private static DeleteRequest DeleteRequest() => Record.DeleteMessage(RecordState.Active);

    private static DepositRequest DepositRequest() => Record.DepositMessage(Bytes(200));

    private static DepositRequest Replacing() => Record.DepositMessage(Bytes(200), Former);

    private static RequestFault HeaderFault(string field, string wrong, byte[] header) =>
        Fault("Deposit", field, wrong, DepositRequest, m => m.Header = ByteString.CopyFrom(header));

    private static IEnumerable<RequestFault> Sets<T>(string method, Func<T> valid, Action<T, string> put)
        where T : IMessage => NoSet.Select(set => Fault(method, "set_id", $"'{set}'", valid, m => put(m, set)));

    private static IEnumerable<RequestFault> Lengths<T>(
        string method, string field, Func<T> valid, Action<T, ByteString> put, params int[] lengths)
        where T : IMessage => lengths.Select(n => Fault(method, field, $"{n} bytes", valid, m => put(m, Bytes(n))));

    private static IEnumerable<RequestFault> Points<T>(string method, Func<T> valid, Action<T, ByteString> put)
        where T : IMessage => NoPoint.Append("").Select(x =>
            Fault(method, "blinded", x, valid, m => put(m, ByteString.CopyFrom(Convert.FromHexString(x)))));

    private static RequestFault Fault<T>(string method, string field, string wrong, Func<T> valid, Action<T> spoil)
        where T : IMessage
    {
        T message = valid();
        spoil(message);
        return new RequestFault(method, field, wrong, message);
    }

    private static ByteString Bytes(int length) => ByteString.CopyFrom(new byte[length]);
}
