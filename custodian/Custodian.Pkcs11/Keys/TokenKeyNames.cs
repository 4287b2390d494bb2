namespace Custodian.Pkcs11.Keys;

/// <summary>The labels of the node's keys in its token, <c>custodian/purpose/version</c>, and the versions in use.</summary>
internal static class TokenKeyNames
{
    public const uint SealVersion = 1;
    public const uint WrapVersion = 1;

    public const string Seal = "custodian/seal/1";
    public const string Wrap = "custodian/wrap/1";
    public const string Audit = "custodian/audit/1";
}
