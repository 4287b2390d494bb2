using System.Runtime.CompilerServices;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests;

/// <summary>The numbers that must be the module's, and what each return value means.</summary>
public sealed class BindingTests
{
    [Fact]
    public void Structures_OnLinux_HaveTheSizesOfTheHeaders()
    {
        Assert.Equal(24, Unsafe.SizeOf<CkMechanism>());
        Assert.Equal(24, Unsafe.SizeOf<CkAttribute>());
        Assert.Equal(56, Unsafe.SizeOf<CkInitializeArgs>());
        Assert.Equal(48, Unsafe.SizeOf<CkGcmParams>());
        Assert.Equal(40, Unsafe.SizeOf<CkEcdh1DeriveParams>());
        Assert.Equal(208, Unsafe.SizeOf<CkTokenInfo>());
        Assert.Equal(32, Unsafe.SizeOf<CkSessionInfo>());
    }

    [Theory]
    [InlineData(HsmErrorClass.Session, new uint[] { 0xB0, 0xB3, 0x90, 0x91 })]
    [InlineData(HsmErrorClass.Login, new uint[] { 0x101 })]
    [InlineData(HsmErrorClass.Handle, new uint[] { 0x60, 0x82, 0xF0, 0x113 })]
    [InlineData(HsmErrorClass.Data, new uint[] { 0x20, 0x21, 0x40, 0x41, 0xC0, 0xC1, 0x110, 0x112, 0x63, 0x62, 0x71 })]
    [InlineData(HsmErrorClass.Ambiguous, new uint[] { 0x5, 0x6 })]
    [InlineData(HsmErrorClass.Fatal, new uint[] { 0x30, 0x31, 0x32, 0xE0, 0xE1, 0x190, 0x2, 0x54, 0x68, 0x7FFFFFFF })]
    [InlineData(HsmErrorClass.Pin, new uint[] { 0xA0, 0xA1, 0xA2, 0xA3, 0xA4 })]
    public void Classify_ReturnValue_IsOfTheClass(HsmErrorClass expected, uint[] values) =>
        Assert.All(values, value => Assert.Equal(expected, ReturnValue.Classify(value)));

    [Theory]
    [InlineData(0x32, "CKR_DEVICE_REMOVED (0x32)")]
    [InlineData(0xA0, "CKR_PIN_INCORRECT (0xA0)")]
    [InlineData(0x80000001, "CK_RV 0x80000001")]
    public void Describe_ReturnValue_NamesItAsTheStandardDoes(uint value, string expected) =>
        Assert.Equal(expected, ReturnValue.Describe(value));

    [Theory]
    [InlineData(HsmErrorClass.Session, true)]
    [InlineData(HsmErrorClass.Login, true)]
    [InlineData(HsmErrorClass.Handle, true)]
    [InlineData(HsmErrorClass.Data, false)]
    [InlineData(HsmErrorClass.Ambiguous, false)]
    [InlineData(HsmErrorClass.Fatal, false)]
    [InlineData(HsmErrorClass.Pin, false)]
    public void IsTransient_OfAClass_IsWhatMayPassByItself(HsmErrorClass errorClass, bool expected) =>
        Assert.Equal(expected, new HsmException(errorClass, 1, "C_Test", "Test.").IsTransient);
}
