using Custodian.Node.Api.Rates;

namespace Custodian.Node.Tests.Api.Rates;

/// <summary>A line of its own for each key.</summary>
public sealed class AccountLinesTests
{
    private static readonly CancellationToken Over = new(canceled: true);

    [Fact]
    public async Task Enter_ATurnIsFreeAndTheWaitIsOver_LetsThrough()
    {
        var lines = new AccountLines<string>(through: 1, here: 2);

        Assert.True(await lines.EnterAsync("one", Over));
    }

    [Fact]
    public async Task Enter_NoTurnIsFreeAndTheWaitIsOver_IsCancelledAndLeavesTheLineAsItWas()
    {
        var lines = new AccountLines<string>(through: 1, here: 2);
        await lines.EnterAsync("one", CancellationToken.None);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await lines.EnterAsync("one", Over));

        lines.Leave("one");
        Assert.Equal(0, lines.Keys);
    }

    [Fact]
    public async Task Enter_AsManyAreHereAsMayBe_IsTurnedAwayAtOnceAndOtherKeysAreNot()
    {
        var lines = new AccountLines<string>(through: 1, here: 2);
        await lines.EnterAsync("one", CancellationToken.None);
        ValueTask<bool> second = lines.EnterAsync("one", CancellationToken.None);

        Assert.False(await lines.EnterAsync("one", CancellationToken.None));
        Assert.True(await lines.EnterAsync("other", CancellationToken.None));

        lines.Leave("one");
        Assert.True(await second);
    }
}
