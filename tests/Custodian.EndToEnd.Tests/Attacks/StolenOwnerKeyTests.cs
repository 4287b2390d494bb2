using System.Security.Cryptography;
using Custodian.Client;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;
using WireState = Custodian.Protocol.Wire.RecordState;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>
/// The owner key of a device's key store, in the hands of someone who has the user's tokens too: they can replace and delete the record, and
/// get not one guess more.
/// </summary>
[Collection(AttackedNodes.Collection)]
public sealed class StolenOwnerKeyTests(AttackedNodes nodes)
{
    private const string Answered = "answered";

    private Realm Realm => nodes.Realm;

    private NodeProcess Node => Realm.Nodes[0];

    [Fact]
    public async Task AnyCall_SignedByTheStolenOwnerKey_TakesNoCounterDown()
    {
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync();
        using EnrollResult kept = enrolled;
        using var thief = new Thief(Realm, subject);
        using SigningKey owner = SigningKey.Create(kept.OwnerKey.Span);
        Header header = await thief.HeaderAsync(Node);
        EvaluateResponse charged = new();
        ByteString blinded = ByteString.CopyFrom(ForgedRecord.AnyPoint());
        AttemptId attempt = AttemptId.Draw();
        for (int i = 0; i < 4; i++)
        {
            attempt = AttemptId.Draw();
            charged = await thief.Stub(Node).EvaluateAsync(Evaluate(attempt), thief.Headers(Node));
        }

        HashSet<CustodyMethod> made = [];
        foreach ((CustodyMethod method, string call, string outcome, Func<Task> make) in Calls())
        {
            made.Add(method);
            Assert.Equal((call, outcome), (call, await OutcomeAsync(make)));

            // Replaced, it has its attempts still; destroyed, it has no key any more.
            Assert.All(
                (await thief.DescribeAsync(Node)).Where(r => r.Header.Span.SequenceEqual(header.Bytes.Span)),
                r => Assert.True(r.AttemptsUsed >= 4, $"after {call} only {r.AttemptsUsed} attempts count"));
        }

        Assert.Equal(Enum.GetValues<CustodyMethod>(), made.Order());

        EvaluateRequest Evaluate(AttemptId id) => new()
        {
            RecordId = Thief.Id(header), AttemptId = ByteString.CopyFrom(id.ToArray()), Blinded = blinded, SetId = Realm.SetId,
        };

        // Every call there is, with every signature the key can make that could come near, and how each ends.
        IEnumerable<(CustodyMethod Method, string Call, string Outcome, Func<Task> Make)> Calls()
        {
            byte[] confirmed = SignatureBody.Confirm(attempt, charged.Sequence);
            foreach (SignaturePurpose purpose in Enum.GetValues<SignaturePurpose>())
            {
                yield return (CustodyMethod.Confirm, $"Confirm signed as {purpose}", "BAD_SIGNATURE", () => ConfirmAsync(purpose, confirmed));
            }

            yield return (CustodyMethod.Confirm, "Confirm with the header's hash", "BAD_SIGNATURE", () => ConfirmAsync(SignaturePurpose.Confirm, header.Hash.ToArray()));
            yield return (CustodyMethod.Evaluate, "Evaluate, sent again", Answered, () => EvaluateAsync(attempt));
            yield return (CustodyMethod.Activate, "Activate of what is in effect", Answered, () => thief.ActivateAsync(Node, header, owner));
            yield return (CustodyMethod.Retire, "Retire of what is in effect", "WRONG_STATE", RetireAsync);
            yield return (CustodyMethod.Describe, "Describe", Answered, () => thief.DescribeAsync(Node));
            yield return (CustodyMethod.Prepare, "Prepare of the record that is there", Answered, PrepareAsync);
            yield return (CustodyMethod.Deposit, "Deposit of a record of the thief's", Answered, () => ReplaceAsync(thief, owner, header));
            yield return (CustodyMethod.Evaluate, "Evaluate on the replaced record", Answered, () => EvaluateAsync(AttemptId.Draw()));
            yield return (CustodyMethod.Confirm, "Confirm of the replaced record", "BAD_SIGNATURE", () => ConfirmAsync(SignaturePurpose.Confirm, confirmed));
            yield return (CustodyMethod.Activate, "Activate of the replaced record", "WRONG_STATE", () => thief.ActivateAsync(Node, header, owner));
            yield return (CustodyMethod.Retire, "Retire by the replaced record's owner", "BAD_SIGNATURE", RetireAsync);
            yield return (CustodyMethod.Delete, "Delete as what it is not", "WRONG_STATE", () => DeleteAsync(WireState.Pending));
            yield return (CustodyMethod.Delete, "Delete", Answered, () => DeleteAsync(WireState.Superseded));
            yield return (CustodyMethod.Evaluate, "Evaluate on the deleted record", "RECORD_DESTROYED", () => EvaluateAsync(AttemptId.Draw()));
        }

        async Task EvaluateAsync(AttemptId id) => await thief.Stub(Node).EvaluateAsync(Evaluate(id), thief.Headers(Node));

        async Task PrepareAsync() => await thief.Stub(Node).PrepareAsync(
            new PrepareRequest { RecordId = Thief.Id(header), Blinded = blinded, SetId = Realm.SetId }, thief.Headers(Node));

        async Task RetireAsync() => await thief.Stub(Node).RetireAsync(
            new RetireRequest
            {
                RecordId = Thief.Id(header), SetId = Realm.SetId,
                Signature = thief.Sign(owner, SignaturePurpose.Retire, Node, header, SignatureBody.Retire(header.Hash.Span)),
            },
            thief.Headers(Node));

        async Task ConfirmAsync(SignaturePurpose purpose, byte[] body) => await thief.Stub(Node).ConfirmAsync(
            new ConfirmRequest
            {
                RecordId = Thief.Id(header), AttemptId = ByteString.CopyFrom(attempt.ToArray()), Sequence = charged.Sequence,
                SetId = Realm.SetId, Signature = thief.Sign(owner, purpose, Node, header, body),
            },
            thief.Headers(Node));

        async Task DeleteAsync(WireState state) => await thief.Stub(Node).DeleteAsync(
            new DeleteRequest
            {
                RecordId = Thief.Id(header), State = state, SetId = Realm.SetId,
                Signature = thief.Sign(owner, SignaturePurpose.Delete, Node, header, SignatureBody.Delete(state, header.Hash.Span)),
            },
            thief.Headers(Node));
    }

    [Fact]
    public async Task Replace_ByTheStolenOwnerKey_LeavesTheOldRecordsGuessesAsFewAsTheyWere()
    {
        (string subject, EnrollResult enrolled) = await nodes.EnrolAsync(o => o.MaxAttempts = 3);
        using EnrollResult kept = enrolled;
        using var thief = new Thief(Realm, subject);
        using SigningKey owner = SigningKey.Create(kept.OwnerKey.Span);
        Header header = await thief.HeaderAsync(Node);
        using SecretBytes guess = Thief.Stretch("a guess", header);
        Assert.NotNull(await thief.ShareAsync(Node, header, guess));

        await ReplaceAsync(thief, owner, header);

        int left = 0;
        while (await thief.ShareAsync(Node, header, guess) is not null)
        {
            left++;
        }

        Assert.Equal(2, left);
    }

    /// <summary>The reason of the refusal, or that there was none.</summary>
    private static async Task<string> OutcomeAsync(Func<Task> call)
    {
        try
        {
            await call();
            return Answered;
        }
        catch (RpcException refused)
        {
            return WireRefusal.Of(refused).Reason;
        }
    }

    private async Task ReplaceAsync(Thief thief, SigningKey owner, Header replaced)
    {
        using ForgedRecord own = ForgedRecord.Make(Realm, thief.Account, f => f with { Generation = replaced.Generation + 1 });
        await thief.DepositAsync(Node, own, deposit =>
        {
            deposit.ReplacesRecordId = Thief.Id(replaced);
            deposit.ReplaceSignature = thief.Sign(
                owner, SignaturePurpose.Replace, Node, own.Header, SignatureBody.Replace(own.Header.Hash.Span));
        });
        await thief.ActivateAsync(Node, own.Header, own.Keys.Owner);
    }
}
