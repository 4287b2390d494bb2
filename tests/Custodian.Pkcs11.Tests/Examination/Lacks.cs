using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Examination;
using Custodian.Pkcs11.Tests.Faults;

namespace Custodian.Pkcs11.Tests.Examination;

/// <summary>Modules that lack one thing, each as such a module says it.</summary>
public static class Lacks
{
    /// <summary>The function that fails, with what, and what the module then does not do.</summary>
    public static TheoryData<string, uint, string> All => new()
    {
        { nameof(Function.GenerateRandom), 0x121, "draw random bytes" },
        { nameof(Function.GenerateKey), 0x70, "make AES-256 keys" },
        { nameof(Function.EncryptInit), 0x70, "seal and open with AES-GCM" },
        { nameof(Function.DecryptInit), 0x71, "seal and open with AES-GCM" },
        { nameof(Function.GenerateKeyPair), 0x130, "make P-256 key pairs" },
        { nameof(Function.DeriveKey), 0x71, "derive a raw x-coordinate (ECDH with CKD_NULL)" },
        { nameof(Function.WrapKey), 0x70, "wrap and unwrap P-256 keys as RFC 5649" },
        { nameof(Function.UnwrapKey), 0x70, "wrap and unwrap P-256 keys as RFC 5649" },
        { nameof(Function.SignInit), 0x70, "sign with ECDSA over P-256" },
    };

    internal static void AssertNamed(string ability, uint code, ModuleExamination found)
    {
        Assert.False(found.CanServe);
        var part = found.Parts.First(p => p.Fitness == Fitness.Unfit);
        Assert.Equal(ability, part.Needed);
        Assert.Contains("refuse", part.Meaning, StringComparison.Ordinal);
        if (code != 0x70 || ability[0] != 'w')
        {
            Assert.Contains(ErrorCodes.Say(code), part.Found, StringComparison.Ordinal);
        }
    }
}
