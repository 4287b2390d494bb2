using System.Net;
using Custodian.Core;
using Custodian.Node.Api.Health;
using Custodian.Node.Api.Health.Wire;
using Custodian.Node.Api.Rates;
using Custodian.Node.Tests.Api.Node;
using Custodian.Node.Storage;
using Custodian.Node.Tests.Records;
using Custodian.Node.Tests.Storage;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Grpc.Core;
using Grpc.Net.Client;

namespace Custodian.Node.Tests.Api;

/// <summary>Each limit of a node over the wire: who meets it is OVERLOADED at once, told when to come again, and has cost nothing.</summary>
public sealed class CallLimitTests
{
    [Fact]
    public async Task Call_AddressOverItsRate_IsRefusedBeforeItsTokenAndAgainServedWhenTold()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { Address = new Rate(1, 3) });
        TestUser user = limited.Node.NewUser();
        await user.DescribeAsync();
        await user.DescribeAsync();
        await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), new Metadata()));

        Refused[] refused =
        [
            await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), new Metadata())),
            await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), user.Token)),
        ];

        Assert.All(refused, r => Assert.Equal(
            ("OVERLOADED", StatusCode.ResourceExhausted, TimeSpan.FromSeconds(1)), (r.Reason, r.Status, r.RetryAfter)));
        Assert.Equal(3, limited.Node.Access.Checks);
        limited.Node.Clock.Advance(TimeSpan.FromSeconds(1));
        await user.DescribeAsync();
    }

    [Fact]
    public async Task Call_AccountOverItsRate_IsRefusedAndItsNeighbourServed()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { Account = new Rate(2, 4) });
        TestUser greedy = limited.Node.NewUser();
        ClientRecord record = await greedy.EnrolAsync();
        await greedy.DescribeAsync();

        Refused refused = await Refused.ByAsync(greedy.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), greedy.Token));

        Assert.Equal(("OVERLOADED", TimeSpan.FromMilliseconds(500)), (refused.Reason, refused.RetryAfter));
        Assert.Equal(0u, (await greedy.StoredAsync()).Records[0].AttemptsUsed);
        await limited.Node.NewUser().EnrolAsync();
        limited.Node.Clock.Advance(TimeSpan.FromMilliseconds(500));
        await greedy.EvaluateAsync(record, AttemptId.Draw());
    }

    [Fact]
    public async Task Call_IssuerOverItsRate_IsRefusedButWhatAnAccountFloodsIsNotTheIssuers()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { Account = new Rate(1, 2), Issuer = new Rate(1, 4) });
        TestUser greedy = limited.Node.NewUser();
        await greedy.DescribeAsync();
        await greedy.DescribeAsync();
        for (int i = 0; i < 20; i++)
        {
            await Refused.ByAsync(greedy.Node.DescribeAsync(ClientRequests.Describe(), greedy.Token));
        }

        await limited.Node.NewUser().DescribeAsync();
        await limited.Node.NewUser().DescribeAsync();
        TestUser late = limited.Node.NewUser();

        Assert.Equal("OVERLOADED", (await Refused.ByAsync(late.Node.DescribeAsync(ClientRequests.Describe(), late.Token))).Reason);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    public async Task Call_AsManyAtOnceAsThereMayBe_TheNextIsRefusedUntilOneEnds(int calls, int ofAddress)
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { Calls = calls, CallsOfAddress = ofAddress });
        TestUser user = limited.Node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        Stall stall = limited.Node.Hsm.StallAdmission();
        AsyncUnaryCall<EvaluateResponse> held = user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token);
        await stall.Reached;

        Refused refused = await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), user.Token));
        stall.LetGo();
        await held;

        Assert.Equal(("OVERLOADED", TimeSpan.FromSeconds(1)), (refused.Reason, refused.RetryAfter));
        await Eventually.HoldsAsync(async () => await IsServedAsync(user));
    }

    [Fact]
    public async Task Evaluate_AccountHoldsItsHsmPlaces_IsRefusedUnchargedAndOthersAreServed()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { HsmCallsOfAccount = 1 });
        TestUser greedy = limited.Node.NewUser();
        ClientRecord record = await greedy.EnrolAsync();
        TestUser other = limited.Node.NewUser();
        ClientRecord others = await other.EnrolAsync();
        Stall stall = limited.Node.Hsm.StallAdmission();
        AsyncUnaryCall<EvaluateResponse> held = greedy.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), greedy.Token);
        await stall.Reached;

        Refused refused = await Refused.ByAsync(greedy.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), greedy.Token));
        await other.EvaluateAsync(others, AttemptId.Draw());
        stall.LetGo();
        await held;

        Assert.Equal("OVERLOADED", refused.Reason);
        Assert.Equal(1u, (await greedy.StoredAsync()).Records[0].AttemptsUsed);
        await greedy.EvaluateAsync(record, AttemptId.Draw());
    }

    [Fact]
    public async Task Evaluate_AccountHoldsItsShareOfTheHsm_WaitsAmongItselfWhileOthersAreServed()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { HsmShareOfAccount = 1, HsmCallsOfAccount = 3 });
        TestUser greedy = limited.Node.NewUser();
        ClientRecord record = await greedy.EnrolAsync();
        TestUser other = limited.Node.NewUser();
        ClientRecord others = await other.EnrolAsync();
        Stall stall = limited.Node.Hsm.StallAdmission();
        AsyncUnaryCall<EvaluateResponse> first = greedy.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), greedy.Token);
        await stall.Reached;
        int asked = limited.Node.Hsm.Admissions;
        AsyncUnaryCall<EvaluateResponse> second = greedy.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), greedy.Token);
        await Eventually.HoldsAsync(() => limited.Node.Clock.Timers(TimeSpan.FromSeconds(2)) == 1);

        await other.EvaluateAsync(others, AttemptId.Draw());
        Assert.Equal(asked + 1, limited.Node.Hsm.Admissions);
        limited.Node.Clock.Advance(TimeSpan.FromSeconds(2));
        Refused refused = await Refused.ByAsync(second);
        stall.LetGo();
        await first;

        Assert.Equal("OVERLOADED", refused.Reason);
        Assert.Equal(1u, (await greedy.StoredAsync()).Records[0].AttemptsUsed);
        await greedy.EvaluateAsync(record, AttemptId.Draw());
    }

    [Fact]
    public async Task Evaluate_CallerGoneWhileWaiting_GivesItsHsmPlaceBack()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { HsmCallsOfAccount = 1 });
        TestUser user = limited.Node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        Stall stall = limited.Node.Hsm.StallAdmission();
        using var gone = new CancellationTokenSource();
        AsyncUnaryCall<EvaluateResponse> held =
            user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token, cancellationToken: gone.Token);
        await stall.Reached;
        await gone.CancelAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await held);

        await Eventually.HoldsAsync(() => limited.Node.Log.Lines.Any(l => l.StartsWith("Evaluate given up", StringComparison.Ordinal)));
        await user.EvaluateAsync(record, AttemptId.Draw());
    }

    [Fact]
    public async Task Call_AsManyWaitForTheDatabaseAsMay_IsRefusedUnchargedAndAChargeIsStillTakenBack()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits(), storeQueue: 1);
        TestUser user = limited.Node.NewUser();
        ClientRecord record = await user.EnrolAsync();
        Stall hsm = limited.Node.Hsm.StallEvaluation();
        AsyncUnaryCall<EvaluateResponse> charged = user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token);
        await hsm.Reached;

        using (await HeldWriter.FillAsync(limited.Node.Store))
        {
            Refused[] refused =
            [
                await Refused.ByAsync(user.Node.EvaluateAsync(record.Evaluate(AttemptId.Draw()), user.Token)),
                await Refused.ByAsync(user.Node.ActivateAsync(record.ActivateMessage(), user.Token)),
            ];

            Assert.All(refused, r => Assert.Equal(
                ("OVERLOADED", StatusCode.ResourceExhausted, TimeSpan.FromSeconds(1)), (r.Reason, r.Status, r.RetryAfter)));
            Assert.Equal(1u, (await user.StoredAsync()).Records[0].AttemptsUsed);
            limited.Node.Hsm.FailNext(new HsmException(HsmErrorClass.Session, 0xB3, "C_Decrypt", "gone"));
            hsm.LetGo();
        }

        Assert.Equal("HSM_UNAVAILABLE", (await Refused.ByAsync(charged)).Reason);
        Assert.Equal(0u, (await user.StoredAsync()).Records[0].AttemptsUsed);
        await user.EvaluateAsync(record, AttemptId.Draw());
        Assert.Contains("the attempt's charge was REFUNDED", Assert.Single(limited.Node.Log.TakeWarnings()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_CallsAreRefused_IsAnsweredAllTheSame()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { Address = new Rate(1, 1), Issuer = new Rate(1, 1), Account = new Rate(1, 1) });
        TestUser user = limited.Node.NewUser();
        await user.DescribeAsync();
        await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), user.Token));
        limited.Node.Readiness.Holds(ReadinessPart.Start);

        for (int i = 0; i < 20; i++)
        {
            Assert.True(await HealthServiceTests.IsServingAsync(limited.Node));
        }
    }

    [Fact]
    public async Task Watch_AsManyAsThereMayBe_TheNextIsRefusedUntilOneEnds()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { Watches = 2 });
        using AsyncServerStreamingCall<HealthCheckResponse> first = await HealthServiceTests.WatchingAsync(limited.Node);
        using (await HealthServiceTests.WatchingAsync(limited.Node))
        {
            RpcException refused = await Assert.ThrowsAsync<RpcException>(() => HealthServiceTests.WatchingAsync(limited.Node));

            Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        }

        await Eventually.HoldsAsync(async () =>
        {
            try
            {
                using (await HealthServiceTests.WatchingAsync(limited.Node))
                {
                    return true;
                }
            }
            catch (RpcException full) when (full.StatusCode == StatusCode.ResourceExhausted)
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task Watch_AsManyAsAnAddressMayHold_TheNextIsRefusedAndAnotherAddressServed()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { WatchesOfAddress = 1 });
        using GrpcChannel balancer = limited.Node.ChannelFrom(IPAddress.Parse("127.0.0.2"));
        using AsyncServerStreamingCall<HealthCheckResponse> first = await HealthServiceTests.WatchingAsync(limited.Node);

        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => HealthServiceTests.WatchingAsync(limited.Node));
        using AsyncServerStreamingCall<HealthCheckResponse> watched = await HealthServiceTests.WatchingAsync(balancer);

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
    }

    [Fact]
    public async Task Log_ManyCallsRefused_HasALineASecondThatCountsThem()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits { Account = new Rate(1, 1) });
        TestUser user = limited.Node.NewUser();
        await user.DescribeAsync();
        for (int i = 0; i < 10; i++)
        {
            await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), user.Token));
        }

        limited.Node.Clock.Advance(TimeSpan.FromSeconds(1));
        await user.DescribeAsync();
        await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), user.Token));

        string[] lines = [.. limited.Node.Log.Lines.Where(l => l.Contains("refused: OVERLOADED", StringComparison.Ordinal))];
        Assert.Equal(2, lines.Length);
        Assert.Contains("after 9 others", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_ManyCallsWithoutToken_HasALineASecondThatCountsThem()
    {
        await using Limited limited = await Limited.StartAsync(new CallLimits());
        TestUser user = limited.Node.NewUser();
        for (int i = 0; i < 11; i++)
        {
            await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), []));
        }

        limited.Node.Clock.Advance(TimeSpan.FromSeconds(1));
        await Refused.ByAsync(user.Node.DescribeAsync(ClientRequests.Describe(), []));

        string[] lines = [.. limited.Node.Log.Lines.Where(l => l.Contains("refused: TOKEN_REJECTED", StringComparison.Ordinal))];
        Assert.Equal(2, lines.Length);
        Assert.Contains("after 10 others", lines[1], StringComparison.Ordinal);
    }

    private static async Task<bool> IsServedAsync(TestUser user)
    {
        try
        {
            await user.DescribeAsync();
            return true;
        }
        catch (RpcException full) when (full.StatusCode == StatusCode.ResourceExhausted)
        {
            return false;
        }
    }

    /// <summary>A node of one test, with limits.</summary>
    private sealed class Limited : IAsyncDisposable
    {
        internal required TestNode Node { get; init; }

        internal static async Task<Limited> StartAsync(CallLimits limits, int storeQueue = 1024)
        {
            var node = new TestNode { Limits = limits, StoreQueue = storeQueue };
            await node.InitializeAsync();
            return new Limited { Node = node };
        }

        public async ValueTask DisposeAsync()
        {
            Assert.Empty(Node.Log.TakeWarnings());
            await Node.DisposeAsync();
            Node.Dispose();
        }
    }
}
