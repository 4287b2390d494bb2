namespace Custodian.Protocol.Tests;

public sealed class RefusalsTests
{
    [Theory]
    [InlineData(RefusalReason.InvalidRequest, "INVALID_REQUEST", 3)]
    [InlineData(RefusalReason.TokenRejected, "TOKEN_REJECTED", 16)]
    [InlineData(RefusalReason.ScopeMissing, "SCOPE_MISSING", 7)]
    [InlineData(RefusalReason.BadSignature, "BAD_SIGNATURE", 7)]
    [InlineData(RefusalReason.SealedKeyRejected, "SEALED_KEY_REJECTED", 7)]
    [InlineData(RefusalReason.RecordNotFound, "RECORD_NOT_FOUND", 5)]
    [InlineData(RefusalReason.RecordDestroyed, "RECORD_DESTROYED", 5)]
    [InlineData(RefusalReason.PendingExists, "PENDING_EXISTS", 10)]
    [InlineData(RefusalReason.RecordConflict, "RECORD_CONFLICT", 10)]
    [InlineData(RefusalReason.StaleGeneration, "STALE_GENERATION", 9)]
    [InlineData(RefusalReason.AttemptReused, "ATTEMPT_REUSED", 9)]
    [InlineData(RefusalReason.AttemptUnknown, "ATTEMPT_UNKNOWN", 9)]
    [InlineData(RefusalReason.WrongState, "WRONG_STATE", 9)]
    [InlineData(RefusalReason.Delayed, "DELAYED", 9)]
    [InlineData(RefusalReason.AttemptsExhausted, "ATTEMPTS_EXHAUSTED", 9)]
    [InlineData(RefusalReason.Overloaded, "OVERLOADED", 8)]
    [InlineData(RefusalReason.HsmUnavailable, "HSM_UNAVAILABLE", 14)]
    [InlineData(RefusalReason.StorageUnavailable, "STORAGE_UNAVAILABLE", 14)]
    internal void Table_EveryReason_HasItsNameAndStatus(RefusalReason reason, string name, int status)
    {
        Assert.Equal((name, status), (reason.WireName(), reason.StatusCode()));
        Assert.True(Refusals.TryParse(name, out RefusalReason parsed));
        Assert.Equal(reason, parsed);
    }

    [Fact]
    public void Table_Reasons_AreAllOfTheEnumerationInItsOrder() => Assert.Equal(Enum.GetValues<RefusalReason>(), Refusals.All);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("invalid_request")]
    [InlineData("SOMETHING_NEW")]
    public void TryParse_UnknownName_IsFalse(string? name) => Assert.False(Refusals.TryParse(name, out _));

    [Fact]
    public void HasRetryDelay_OnlyTheThreeOfTheTable()
    {
        Assert.Equal(
            [RefusalReason.PendingExists, RefusalReason.Delayed, RefusalReason.Overloaded],
            Refusals.All.Where(r => r.HasRetryDelay()));
    }
}
