using Custodian.Core;
using Custodian.Node.Api.Calls;
using Custodian.Node.Api.Requests;
using Custodian.Protocol.Wire;

namespace Custodian.Node.Api;

/// <summary>The service of protocol.md section 12: its eight calls, each a parser and a flow.</summary>
internal sealed class CustodyService(
    CallPipeline pipeline, PrepareFlow prepare, DepositFlow deposit, EvaluateFlow evaluate, RecordFlow records, DescribeFlow describe)
{
    /// <summary>The service's name on the wire.</summary>
    internal const string FullName = "custodian.v1.Custody";

    internal CallPipeline Pipeline => pipeline;

    internal CallRoute<PrepareRequest, PrepareCall, PrepareResponse> Prepare { get; } =
        new(nameof(Prepare), PrepareRequest.Parser, RequestParser.Prepare, prepare.ExecuteAsync);

    internal CallRoute<DepositRequest, SealedDeposit, DepositResponse> Deposit { get; } =
        new(nameof(Deposit), DepositRequest.Parser, DepositParser.Parse, deposit.ExecuteAsync);

    internal CallRoute<ActivateRequest, SignedCall, ActivateResponse> Activate { get; } =
        new(nameof(Activate), ActivateRequest.Parser, RequestParser.Activate, records.ActivateAsync);

    internal CallRoute<DescribeRequest, DescribeCall, DescribeResponse> Describe { get; } =
        new(nameof(Describe), DescribeRequest.Parser, RequestParser.Describe, describe.ExecuteAsync);

    internal CallRoute<EvaluateRequest, PointedEvaluate, EvaluateResponse> Evaluate { get; } =
        new(nameof(Evaluate), EvaluateRequest.Parser, RequestParser.Evaluate, evaluate.ExecuteAsync);

    internal CallRoute<ConfirmRequest, ConfirmCall, ConfirmResponse> Confirm { get; } =
        new(nameof(Confirm), ConfirmRequest.Parser, RequestParser.Confirm, records.ConfirmAsync);

    internal CallRoute<RetireRequest, SignedCall, RetireResponse> Retire { get; } =
        new(nameof(Retire), RetireRequest.Parser, RequestParser.Retire, records.RetireAsync);

    internal CallRoute<DeleteRequest, DeleteCall, DeleteResponse> Delete { get; } =
        new(nameof(Delete), DeleteRequest.Parser, RequestParser.Delete, records.DeleteAsync);
}
