using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Examination;
using Custodian.Pkcs11.Tests.Examination;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Nss;

/// <summary>A module that serves and protects less: each protection it lacks is named, and none that it has.</summary>
public sealed class NssExaminationTests(NssToken token) : IClassFixture<NssToken>
{
    [Fact]
    public async Task Examine_Nss_ServesAndSaysWhatItDoesNotProtect()
    {
        var found = await ModuleExaminer.ExamineAsync(token.Options, CancellationToken.None);

        Assert.True(found.CanServe, string.Join('\n', found.Parts));
        Assert.Equal(
            ["CKA_EXTRACTABLE off", "CKA_UNWRAP_TEMPLATE", "CKA_COPYABLE off"],
            found.Parts.Where(part => part.Fitness == Fitness.Weaker).Select(part => part.Needed.Split('(', ')')[1]));
        Assert.True(found.Speed is { OnePerSecond: > 0, AllPerSecond: > 0 });
    }

    [Theory]
    [MemberData(nameof(Lacks.All), MemberType = typeof(Lacks))]
    public async Task Module_LacksAnAbility_IsRefusedByNameByDoctorAndInit(string at, uint code, string ability)
    {
        using var module = new InterceptedModule(NssToken.ModulePath, token.Parameters);
        module.FailEvery(called => called == Enum.Parse<Function>(at) ? new ModuleFault(code) : null);

        var found = await ModuleExaminer.ExamineAsync(token.Options, CancellationToken.None);
        var init = await Assert.ThrowsAsync<HsmException>(() => TokenKeys.CreateAsync(token.Options, CancellationToken.None));

        Lacks.AssertNamed(ability, code, found);
        Assert.Contains($"does not {ability}", init.Message, StringComparison.Ordinal);
        module.Heal();
        Assert.Empty(await TokenKeys.FindAsync(token.Options, CancellationToken.None));
    }
}
