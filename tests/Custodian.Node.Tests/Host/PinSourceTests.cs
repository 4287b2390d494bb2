using System.Runtime.InteropServices;
using System.Text;
using Custodian.Node.Host;
using Custodian.Pkcs11;

namespace Custodian.Node.Tests.Host;

public sealed partial class PinSourceTests : IDisposable
{
    private const string Variable = "CUSTODIAN_PIN";
    private const string Credentials = "CREDENTIALS_DIRECTORY";
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _folder = Directory.CreateTempSubdirectory("custodian-pin-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("user-pin-1234")]
    [InlineData("user-pin-1234\n")]
    [InlineData("user-pin-1234\r\n")]
    public void Read_FileOfItsOwnersAlone_GivesItsOneLine(string text)
    {
        using HsmPin pin = PinSource.Read(Write("pin", text, Owner));
        Assert.Equal("[secret]", pin.ToString());
        using HsmPin same = PinSource.Read(Write("same", "user-pin-1234", UnixFileMode.UserRead));
        Assert.Equal(LengthOf(same), LengthOf(pin));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Read_FileThatOthersMayReadOrWrite_IsRefusedWithWhatToDoAndWithoutThePin(UnixFileMode others)
    {
        string file = Write("pin", "user-pin-1234", Owner | others);
        string message = Assert.Throws<NodeStartException>(() => PinSource.Read(file)).Message;
        Assert.Equal($"others may read the PIN in {file}; run: chmod 600 {file}", message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    [InlineData(100_000)]
    public void Read_FileOfAnotherLength_IsRefusedWithoutThePin(int length)
    {
        string message = Assert.Throws<NodeStartException>(() => PinSource.Read(Write("pin", new string('7', length), Owner))).Message;
        Assert.DoesNotContain("77", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_LongestPin_IsTaken()
    {
        using HsmPin pin = PinSource.Read(Write("pin", new string('7', 255) + "\r\n", Owner));
        Assert.Equal(255, LengthOf(pin));
    }

    [Fact]
    public void Read_SystemdCredential_IsTakenWhereNoFileIsNamed()
    {
        // systemd sets the mode of credentials, which lie in a file system of the unit's own.
        Write("custodian-pin", "user-pin-1234", Owner | UnixFileMode.GroupRead);
        Environment.SetEnvironmentVariable(Credentials, _folder);
        try
        {
            using HsmPin pin = PinSource.Read(pinFile: null);
            Assert.Equal(13, LengthOf(pin));
        }
        finally
        {
            Environment.SetEnvironmentVariable(Credentials, null);
        }
    }

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

    /// <summary>Its length, as a module is given it.</summary>
    [System.Runtime.CompilerServices.UnsafeAccessor(System.Runtime.CompilerServices.UnsafeAccessorKind.Field, Name = "length")]
    private static extern ref int LengthOf(HsmPin pin);

    private string Write(string name, string text, UnixFileMode mode)
    {
        string file = Path.Combine(_folder, name);
        File.WriteAllText(file, text);
        File.SetUnixFileMode(file, mode);
        return file;
    }
}
