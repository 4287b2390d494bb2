using System.Runtime.InteropServices;
using System.Text;
using Custodian.Node.Host;
using Custodian.Pkcs11;

namespace Custodian.Node.Tests.Host;

public sealed partial class PinSourceTests
{
    private const string Variable = "CUSTODIAN_PIN";

    [Fact]
    public void Read_Variable_IsGoneFromBothEnvironmentsAndItsTextIsWiped()
    {
        Environment.SetEnvironmentVariable(Variable, "user-pin-1234");
        Assert.Equal(0, SetNative(Variable, "user-pin-1234", 1));
        nint text = GetNative(Variable);
        using HsmPin pin = PinSource.Read(pinFile: null);
        Assert.Null(Environment.GetEnvironmentVariable(Variable));
        Assert.Equal(0, GetNative(Variable));
        byte[] left = new byte[13];
        Marshal.Copy(text, left, 0, left.Length);
        Assert.DoesNotContain("pin", Encoding.Latin1.GetString(left), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NoPinAnywhere_NamesEveryPlace()
    {
        string message = Assert.Throws<NodeStartException>(() => PinSource.Read(pinFile: null)).Message;
        Assert.Contains("hsm:pin_file", message, StringComparison.Ordinal);
        Assert.Contains(Variable, message, StringComparison.Ordinal);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNative(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetNative(string name);
}
