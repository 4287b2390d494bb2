namespace Custodian.Pkcs11.Tests.Nss;

/// <summary>Stands in the place of the NSS tests on a machine without that module.</summary>
public sealed class NssAbsent
{
    [Fact(Skip = "The NSS softoken is not installed (Debian package libnss3).")]
    public void Contract_OfNss_IsNotTested()
    {
    }
}
