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

        foreach ((string call, Func<Task> make) in Calls())
        {
            try
            {
                await make();
            }
            catch (RpcException refused)
            {
                Assert.NotEqual(StatusCode.Unknown, refused.StatusCode);
            }

            // Replaced, it has its attempts still; destroyed, it has no key any more.
            Assert.All(
                (await thief.DescribeAsync(Node)).Where(r => r.Header.Span.SequenceEqual(header.Bytes.Span)),
                r => Assert.True(r.AttemptsUsed >= 4, $"after {call} only {r.AttemptsUsed} attempts count"));
        }

        EvaluateRequest Evaluate(AttemptId id) => new()
        {
            RecordId = Thief.Id(header), AttemptId = ByteString.CopyFrom(id.ToArray()), Blinded = blinded, SetId = Realm.SetId,
        };

        // Every call there is, with every signature the key can make that could come near.
        IEnumerable<(string Call, Func<Task> Make)> Calls()
        {
            byte[] confirmed = SignatureBody.Confirm(attempt, charged.Sequence);
            foreach (SignaturePurpose purpose in Enum.GetValues<SignaturePurpose>())
            {
                yield return ($"Confirm signed as {purpose}", () => ConfirmAsync(purpose, confirmed));
            }

            yield return ("Confirm with the header's hash", () => ConfirmAsync(SignaturePurpose.Confirm, header.Hash.ToArray()));
            yield return ("Evaluate, sent again", async () => await thief.Stub(Node).EvaluateAsync(Evaluate(attempt), thief.Headers(Node)));
            yield return ("Activate", () => thief.ActivateAsync(Node, header, owner));
            yield return ("Deposit of a record of the thief's", () => ReplaceAsync(thief, owner, header));
            yield return ("Evaluate on the replaced record", async () =>
                await thief.Stub(Node).EvaluateAsync(Evaluate(AttemptId.Draw()), thief.Headers(Node)));
            yield return ("Confirm of the replaced record", () => ConfirmAsync(SignaturePurpose.Confirm, confirmed));
            yield return ("Delete as what it is not", () => DeleteAsync(WireState.Pending));
            yield return ("Delete", () => DeleteAsync(WireState.Superseded));
        }

        async Task ConfirmAsync(SignaturePurpose purpose, byte[] body)
        {
            var refused = await Assert.ThrowsAsync<RpcException>(async () => await thief.Stub(Node).ConfirmAsync(
                new ConfirmRequest
                {
                    RecordId = Thief.Id(header), AttemptId = ByteString.CopyFrom(attempt.ToArray()), Sequence = charged.Sequence,
                    SetId = Realm.SetId, Signature = thief.Sign(owner, purpose, Node, header, body),
                },
                thief.Headers(Node)));
            Assert.Equal("BAD_SIGNATURE", WireRefusal.Of(refused).Reason);
        }

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
