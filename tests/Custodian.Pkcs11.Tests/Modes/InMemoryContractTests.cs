namespace Custodian.Pkcs11.Tests.Modes;

public sealed class InMemoryContractTests(OpenInMemory fixture) : HsmContract(fixture.Hsm), IClassFixture<OpenInMemory>;

public sealed class IsolatedInMemoryContractTests(OpenIsolatedInMemory fixture) : HsmContract(fixture.Hsm), IClassFixture<OpenIsolatedInMemory>;
