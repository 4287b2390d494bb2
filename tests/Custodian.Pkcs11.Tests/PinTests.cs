using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests;

public sealed class PinTests(SoftHsmWithKeys token) : IClassFixture<SoftHsmWithKeys>
{
    [Fact]
    public async Task Open_WrongPin_IsTriedOnceAndSaysSo()
    {
        using var module = new InterceptedModule();
        using var wrong = new HsmPin("wrong-pin-9876"u8);

        var failure = await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(token.Options(pin: wrong), CancellationToken.None));

        Assert.Equal(HsmErrorClass.Pin, failure.Class);
        Assert.False(failure.IsTransient);
        Assert.Equal("C_Login", failure.Function);
        Assert.Contains("CKR_PIN_INCORRECT (0xA0)", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("9876", failure.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, module.Calls(Function.Login));
    }

    [Fact]
    public async Task CreateKeys_WrongPin_IsTriedOnce()
    {
        using var module = new InterceptedModule();
        using var wrong = new HsmPin("wrong-pin-9876"u8);

        var failure = await Assert.ThrowsAsync<HsmException>(() => TokenKeys.CreateAsync(token.Options(pin: wrong), CancellationToken.None));

        Assert.Equal(HsmErrorClass.Pin, failure.Class);
        Assert.Equal(1, module.Calls(Function.Login));
    }

    [Fact]
    public async Task Open_RightPinAfterAWrongOne_Opens()
    {
        using var wrong = new HsmPin("wrong-pin-9876"u8);
        await Assert.ThrowsAsync<HsmException>(() => Pkcs11Hsm.OpenAsync(token.Options(pin: wrong), CancellationToken.None));

        await using var hsm = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None);

        await hsm.ProbeAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Open_TokenInUseInThisProcess_IsRefused()
    {
        // A second login would be answered "already logged in" whatever the PIN.
        await using var first = await Pkcs11Hsm.OpenAsync(token.Options(), CancellationToken.None);
        using var wrong = new HsmPin("wrong-pin-9876"u8);

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => Pkcs11Hsm.OpenAsync(token.Options(pin: wrong), CancellationToken.None));

        await first.ProbeAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Open_CallersPinDisposedAfterwards_KeepsItsOwnCopy()
    {
        using var pin = new HsmPin("user-pin-1234"u8);
        await using var hsm = await Pkcs11Hsm.OpenAsync(token.Options(pin: pin), CancellationToken.None);
        pin.Dispose();

        ModuleCalls.Logout(SoftHsmToken.Label);

        await hsm.ProbeAsync(CancellationToken.None);
    }

    [Fact]
    public void Pin_Disposed_IsZeroedAndUnusable()
    {
        var pin = new HsmPin("1234"u8);
        var bytes = pin.Bytes;

        pin.Dispose();

        Assert.Equal(new byte[4], bytes.ToArray());
        Assert.Throws<ObjectDisposedException>(() => pin.Copy());
        Assert.Equal("[secret]", pin.ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    public void Pin_OfAnotherLength_Throws(int length) => Assert.Throws<ArgumentException>(() => new HsmPin(new byte[length]));
}
