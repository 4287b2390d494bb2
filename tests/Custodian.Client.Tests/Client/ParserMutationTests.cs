using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;
using Grpc.Core;
using Status = Grpc.Core.Status;

namespace Custodian.Client.Tests;

/// <summary>Everything the client reads from others, broken in thousands of ways: it is refused or read, and nothing throws.</summary>
public sealed class ParserMutationTests
{
    private static int Rounds => Effort.Times(2_000, 20_000);

    [Fact]
    public void Describe_MutatedAnswer_IsReadOrFaulty()
    {
        CustodianSet set = CustodianSet.Create(RecordsOnPaper.Set, 3, Enumerable.Range(1, 5).Select(i => new CustodianNode
        {
            Id = RecordsOnPaper.Node(i),
            Region = $"{i}",
            Operator = $"{i}",
            Address = new Uri($"https://node-{i}:1"),
        }));
        byte[] good = GoodDescription();
        int read = 0;
        foreach (byte[] mutated in Mutations(good))
        {
            if (TryParse(DescribeResponse.Parser, mutated) is { } response
                && ViewReading.TryRead(response, RecordsOnPaper.Node(1), set, RecordsOnPaper.Account, out NodeView? view, out _))
            {
                read++;
                Assert.All(view.Live, s => Assert.InRange(s.AttemptsRemaining, 0, s.Header.MaxAttempts));
            }
        }

        Assert.True(ViewReading.TryRead(
            DescribeResponse.Parser.ParseFrom(good), RecordsOnPaper.Node(1), set, RecordsOnPaper.Account, out _, out _));
        Assert.InRange(read, 0, Rounds - 1);
    }

    [Fact]
    public void Evaluate_MutatedAnswer_IsFaultyUnlessOnlyTheEvaluationChanged()
    {
        RecordsOnPaper record = RecordsOnPaper.Create(1);
        byte[] good = GoodAnswer(record);
        Assert.Null(AnswerCheck.WhyFaulty(EvaluateResponse.Parser.ParseFrom(good), record.Header, RecordsOnPaper.Node(1), RecordsOnPaper.Account));
        foreach (byte[] mutated in Mutations(good).Take(Rounds / 4))
        {
            if (TryParse(EvaluateResponse.Parser, mutated) is { } answer
                && AnswerCheck.WhyFaulty(answer, record.Header, RecordsOnPaper.Node(1), RecordsOnPaper.Account) is null)
            {
                EvaluateResponse honest = EvaluateResponse.Parser.ParseFrom(good);
                Assert.Equal(honest.MaskedShare, answer.MaskedShare);
                Assert.Equal(honest.Envelope, answer.Envelope);
            }
        }
    }

    [Fact]
    public void Refusal_MutatedDetails_IsReadOrNone()
    {
        RpcException refusal = RefusedCall.Because(RefusalReason.InvalidRequest, TimeSpan.FromSeconds(3), "header.kdf", "present");
        byte[] good = refusal.Trailers.GetValueBytes("grpc-status-details-bin")!;
        Assert.Equal("INVALID_REQUEST: header.kdf should be present, again in 3 s (request r-1)", FailureReading.ReadRefusal(refusal)!.ToString());
        foreach (byte[] mutated in Mutations(good))
        {
            RpcException broken = new(new Status(StatusCode.InvalidArgument, ""), new Metadata { { "grpc-status-details-bin", mutated } });
            NodeRefusal? read = FailureReading.ReadRefusal(broken);
            Assert.True(read?.RetryAfter is null || read.RetryAfter >= TimeSpan.Zero);
            Assert.False(read?.ToString().Any(char.IsControl) ?? false);
            Assert.NotNull(FailureReading.Outcome(broken));
        }
    }

    [Fact]
    public void Token_Mutated_IsReadOrNone()
    {
        string good = TestTokens.For("node-1", "user-1");
        Assert.Equal(new TokenClaims(TestTokens.Issuer, "user-1", "node-1", null), TokenClaims.Read(good));
        foreach (byte[] mutated in Mutations(System.Text.Encoding.ASCII.GetBytes(good)))
        {
            TokenClaims? read = TokenClaims.Read(System.Text.Encoding.Latin1.GetString(mutated));
            Assert.True(read is null or { Issuer.Length: > 0, Subject.Length: > 0 });
        }
    }

    private static byte[] GoodDescription()
    {
        RecordsOnPaper first = RecordsOnPaper.Create(1);
        RecordsOnPaper second = RecordsOnPaper.Create(2);
        DescribeResponse response = new() { NodeId = "node-1", SetId = RecordsOnPaper.Set.Value };
        response.Records.Add(Status(first, Protocol.Wire.RecordState.Superseded));
        response.Records.Add(Status(second, Protocol.Wire.RecordState.Active));
        return response.ToByteArray();
    }

    private static RecordStatus Status(RecordsOnPaper record, Protocol.Wire.RecordState state) => new()
    {
        Header = ByteString.CopyFrom(record.Header.Bytes.Span),
        State = state,
        AttemptsRemaining = 10,
        RecordId = ByteString.CopyFrom(record.Header.RecordId.ToArray()),
        Generation = record.Header.Generation,
    };

    private static byte[] GoodAnswer(RecordsOnPaper record)
    {
        byte[] masked = RepeatableBytes.Of("masked", 32);
        byte[] body = SignatureBody.Deposit(record.Header.Hash.Span, masked);
        return new EvaluateResponse
        {
            Evaluated = ByteString.CopyFrom(record.Keys.Owner.PublicKey[1..]),
            MaskedShare = ByteString.CopyFrom(masked),
            Envelope = ByteString.CopyFrom(record.Envelope),
            AttemptsRemaining = 9,
            Sequence = 1,
            DepositSignature = ByteString.CopyFrom(record.Keys.Owner.Sign(OwnerSignature.Message(
                SignaturePurpose.Deposit, RecordsOnPaper.Node(1), RecordsOnPaper.Account, record.Header.RecordId, body))),
        }.ToByteArray();
    }

    private static T? TryParse<T>(MessageParser<T> parser, byte[] bytes)
        where T : class, IMessage<T>
    {
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            // gRPC would not have handed it over either.
            return null;
        }
    }

    /// <summary>One to four bytes changed, removed or put in, at places that are the same in every run.</summary>
    private static IEnumerable<byte[]> Mutations(byte[] good)
    {
        for (int round = 0; round < Rounds; round++)
        {
            byte[] dice = RepeatableBytes.Of($"mutation {round}", 13);
            List<byte> bytes = [.. good];
            for (int i = 0; i <= dice[12] % 4; i++)
            {
                int place = ((dice[i * 3] << 8) | dice[(i * 3) + 1]) % bytes.Count;
                byte value = dice[(i * 3) + 2];
                switch (value % 3)
                {
                    case 0: bytes[place] = value; break;
                    case 1: bytes.RemoveAt(place); break;
                    default: bytes.Insert(place, value); break;
                }
            }

            yield return [.. bytes];
        }
    }
}
