using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

/// <summary>What is cured, what is tried again, how often, and what is not.</summary>
public sealed class RecoveryTests : IClassFixture<SoftHsmWithKeys>, IAsyncLifetime, IDisposable
{
    private const nuint DeviceRemoved = 0x32;
    private const nuint SessionHandleInvalid = 0xB3;
    private const nuint PinIncorrect = 0xA0;
    private const nuint EncryptedDataInvalid = 0x40;

    private readonly SoftHsmWithKeys token;
    private readonly InterceptedModule module;
    private Pkcs11Hsm? opened;
    private byte[] record = [];
    private byte[] expected = [];

    public RecoveryTests(SoftHsmWithKeys token)
    {
        this.token = token;
        module = new InterceptedModule();
    }

    private Pkcs11Hsm Hsm => opened!;

    public async Task InitializeAsync()
    {
        opened = await Pkcs11Hsm.OpenAsync(token.Options(sessions: 1), CancellationToken.None);
        using var admission = await Hsm.AdmitAsync(CancellationToken.None);
        var sealedKey = await PrepareAsync();
        record = (await Hsm.AdoptAsync(admission!, sealedKey, 0, new byte[1], new byte[32], new byte[2])).SealedRecord!;
    }

    public async Task DisposeAsync() => await Hsm.DisposeAsync();

    public void Dispose() => module.Dispose();

    [Fact]
    public async Task Evaluate_AfterAllSessionsWereClosed_LogsInAgainAndAnswers()
    {
        var logins = module.Calls(Function.Login);
        ModuleCalls.CloseAllSessions(SoftHsmToken.Label);

        Assert.Equal(expected, await EvaluateAsync());
        Assert.Equal(logins + 1, module.Calls(Function.Login));
    }

    /// <summary>Somebody else used up the others, or changed the PIN: the last try is a person's.</summary>
    [Fact]
    public async Task Evaluate_AfterLogoutWithOneTryOfThePinLeft_IsRefusedAndNoPinIsTried()
    {
        ModuleCalls.Logout(SoftHsmToken.Label);
        var logins = module.Calls(Function.Login);
        module.Amend = (function, description, _) => InterceptedModule.AddFlag(function, description, 0x20000);

        var refused = await Assert.ThrowsAsync<HsmException>(EvaluateAsync);

        Assert.Equal(HsmErrorClass.Fatal, refused.Class);
        Assert.Equal(logins, module.Calls(Function.Login));
        module.Amend = null;
        Assert.Equal(expected, await EvaluateAsync());
    }

    [Fact]
    public async Task Evaluate_AfterLogout_LogsInAgainAndAnswers()
    {
        ModuleCalls.Logout(SoftHsmToken.Label);

        Assert.Equal(expected, await EvaluateAsync());
        Assert.Equal(expected, await EvaluateAsync());
    }

    [Theory]
    [InlineData(0xB3)]
    [InlineData(0xB0)]
    [InlineData(0x90)]
    [InlineData(0x101)]
    [InlineData(0x82)]
    [InlineData(0x60)]
    [InlineData(0xF0)]
    public async Task Evaluate_CurableFailureOnce_IsTriedOnceMore(uint returnValue)
    {
        var calls = module.Calls(Function.UnwrapKey);
        module.Fail(Function.UnwrapKey, returnValue);

        Assert.Equal(expected, await EvaluateAsync());
        Assert.Equal(calls + 2, module.Calls(Function.UnwrapKey));
    }

    [Fact]
    public async Task Evaluate_CurableFailureTwice_IsTransient()
    {
        var calls = module.Calls(Function.UnwrapKey);
        module.Fail(Function.UnwrapKey, SessionHandleInvalid, SessionHandleInvalid);

        var failure = await Assert.ThrowsAsync<HsmException>(EvaluateAsync);

        Assert.Equal(HsmErrorClass.Session, failure.Class);
        Assert.True(failure.IsTransient);
        Assert.Equal(calls + 2, module.Calls(Function.UnwrapKey));
        Assert.Equal(expected, await EvaluateAsync());
    }

    [Fact]
    public async Task Evaluate_DeviceRemoved_IsFatalAndNotTriedAgain()
    {
        var calls = module.Calls(Function.UnwrapKey);
        module.Fail(Function.UnwrapKey, DeviceRemoved);

        var failure = await Assert.ThrowsAsync<HsmException>(EvaluateAsync);

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
        Assert.Equal((ulong)DeviceRemoved, failure.ReturnValue);
        Assert.Equal("C_UnwrapKey", failure.Function);
        Assert.Equal(calls + 1, module.Calls(Function.UnwrapKey));
    }

    [Fact]
    public async Task Evaluate_BadData_IsNotTriedAgainAndTheSessionReplaced()
    {
        var decrypts = module.Calls(Function.Decrypt);
        var sessions = module.Calls(Function.OpenSession);
        module.Fail(Function.Decrypt, EncryptedDataInvalid);

        var failure = await Assert.ThrowsAsync<HsmException>(EvaluateAsync);

        Assert.Equal(HsmErrorClass.Data, failure.Class);
        Assert.Equal(decrypts + 1, module.Calls(Function.Decrypt));

        // The failed decryption is still active in the old session; in it, this would be OPERATION_ACTIVE.
        Assert.Equal(expected, await EvaluateAsync());
        Assert.Equal(sessions + 1, module.Calls(Function.OpenSession));
    }

    [Fact]
    public async Task Evaluate_UnexplainedFailureAndCanaryWell_IsData()
    {
        module.Fail(Function.UnwrapKey, ReturnValue.GeneralError);

        var failure = await Assert.ThrowsAsync<HsmException>(EvaluateAsync);

        Assert.Equal(HsmErrorClass.Data, failure.Class);
        Assert.Equal((ulong)ReturnValue.GeneralError, failure.ReturnValue);
    }

    [Fact]
    public async Task Evaluate_UnexplainedFailureAndCanaryToo_IsFatal()
    {
        module.Fail(Function.Decrypt, ReturnValue.GeneralError, ReturnValue.GeneralError);

        var failure = await Assert.ThrowsAsync<HsmException>(EvaluateAsync);

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
    }

    [Fact]
    public async Task Adopt_HsmFails_IsNoRefusal()
    {
        using var admission = await Hsm.AdmitAsync(CancellationToken.None);
        var sealedKey = await PrepareAsync();
        module.Fail(Function.Decrypt, DeviceRemoved);

        var failure = await Assert.ThrowsAsync<HsmException>(
            async () => await Hsm.AdoptAsync(admission!, sealedKey, 0, new byte[1], new byte[32], new byte[2]));

        Assert.Equal(HsmErrorClass.Fatal, failure.Class);
    }

    [Fact]
    public async Task Evaluate_PinRefusedAtLoginAgain_IsNeverTriedAgain()
    {
        ModuleCalls.Logout(SoftHsmToken.Label);
        var logins = module.Calls(Function.Login);
        module.Fail(Function.Login, PinIncorrect);

        var first = await Assert.ThrowsAsync<HsmException>(EvaluateAsync);
        var second = await Assert.ThrowsAsync<HsmException>(EvaluateAsync);

        Assert.Equal([HsmErrorClass.Pin, HsmErrorClass.Pin], [first.Class, second.Class]);
        Assert.Equal(logins + 1, module.Calls(Function.Login));
    }

    [Fact]
    public async Task Evaluate_ObjectNotDestroyed_AnswersAndReplacesTheSession()
    {
        var sessions = module.Calls(Function.OpenSession);
        module.Fail(Function.DestroyObject, ReturnValue.GeneralError);

        Assert.Equal(expected, await EvaluateAsync());
        Assert.Equal(expected, await EvaluateAsync());
        Assert.Equal(sessions + 1, module.Calls(Function.OpenSession));
    }

    [Theory]
    [InlineData(0x5)]
    [InlineData(0x30)]
    [InlineData(0xB3)]
    public async Task Evaluate_SearchBrokenOffWhileTheKeysAreFoundAgain_AnswersTheNextTime(uint returnValue)
    {
        ModuleCalls.Logout(SoftHsmToken.Label);
        var logins = module.Calls(Function.Login);
        module.Fail(Function.FindObjects, returnValue);

        await Assert.ThrowsAsync<HsmException>(EvaluateAsync);

        // The search is still active in the old anchor; in it, this would be OPERATION_ACTIVE. And the login is not lost with it.
        Assert.Equal(expected, await EvaluateAsync());
        Assert.Equal(logins + 1, module.Calls(Function.Login));
    }

    [Fact]
    public async Task Open_ModuleRefusesTheSessionCopy_UsesTheTokensOwnKey()
    {
        await Hsm.DisposeAsync();
        module.Fail(Function.CopyObject, 0x54);
        opened = await Pkcs11Hsm.OpenAsync(token.Options(sessions: 1), CancellationToken.None);

        Assert.Equal(expected, await EvaluateAsync());
    }

    [Fact]
    public async Task Evaluate_ManyAtOnce_NoSessionHasTwoOwners()
    {
        await Hsm.DisposeAsync();
        opened = await Pkcs11Hsm.OpenAsync(token.Options(sessions: 4), CancellationToken.None);
        var owners = new Dictionary<nuint, int>();
        var shared = 0;
        module.Observe = (function, session) =>
        {
            if (function == Function.UnwrapKey)
            {
                lock (owners)
                {
                    shared += owners.TryAdd(session, Environment.CurrentManagedThreadId)
                        || owners[session] == Environment.CurrentManagedThreadId ? 0 : 1;
                }
            }
        };

        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => EvaluateAsync()));

        Assert.All(answers, answer => Assert.Equal(expected, answer));
        Assert.Equal(0, shared);
        Assert.InRange(owners.Count, 1, 4);
    }

    [Fact]
    public async Task Dispose_WhileOperationsRun_FinishesThem()
    {
        var running = Enumerable.Range(0, 32).Select(_ => EvaluateAsync()).ToArray();

        await Hsm.DisposeAsync();

        Assert.All(await Task.WhenAll(running), answer => Assert.Equal(expected, answer));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await Hsm.ProbeAsync(CancellationToken.None));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await Hsm.AdmitAsync(CancellationToken.None));
    }

    private async Task<byte[]> PrepareAsync()
    {
        using var admission = await Hsm.AdmitAsync(CancellationToken.None);
        var prepared = await Hsm.PrepareAsync(admission!, P256.Generator, long.MaxValue, new byte[1]);
        expected = prepared.Evaluated;
        return prepared.SealedKey;
    }

    private async Task<byte[]> EvaluateAsync()
    {
        using var admission = await Hsm.AdmitAsync(CancellationToken.None);
        return (await Hsm.EvaluateAsync(admission!, record, new byte[2], P256.Generator)).Evaluated;
    }
}
