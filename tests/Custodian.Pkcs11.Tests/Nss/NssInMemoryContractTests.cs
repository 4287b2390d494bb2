namespace Custodian.Pkcs11.Tests.Nss;

public sealed class NssInMemoryContractTests(OpenNssInMemory fixture) : HsmContract(fixture.Hsm), IClassFixture<OpenNssInMemory>;
