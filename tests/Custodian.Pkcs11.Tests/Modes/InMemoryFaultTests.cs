using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Tests.Faults;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Modes;

/// <summary>The same cures at a node that evaluates in memory, whose operations ask other things of the module.</summary>
public sealed class InMemoryFaultTests(SoftHsmWithKeys token) : IClassFixture<SoftHsmWithKeys>, IAsyncLifetime, IDisposable
{
    private const nuint SessionHandleInvalid = 0xB3;

    private readonly InterceptedModule module = new();
    private Pkcs11Hsm? hsm;
    private IReadOnlyDictionary<string, KnownOperation> operations = new Dictionary<string, KnownOperation>();

    public static TheoryData<string> Names => [.. KnownOperation.Names];

    public async Task InitializeAsync()
    {
        hsm = await Pkcs11Hsm.OpenAsync(token.Options(sessions: 1, evaluation: EvaluationMode.Memory), CancellationToken.None);
        operations = await KnownOperation.AllAsync(hsm, token.Rotated);
    }

    public async Task DisposeAsync()
    {
        module.Heal();
        await hsm!.DisposeAsync();
        Assert.Equal(0, module.OpenSessions);
    }

    public void Dispose() => module.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Operation_AnyCallFails_IsCuredOrFailsAsItsClassSaysAndTheNextOneIsRight(string name)
    {
        var operation = operations[name];
        await operation.Run(hsm!);
        module.TakeTrace();
        await operation.Run(hsm!);
        var calls = module.TakeTrace();

        Assert.NotEmpty(calls);
        Assert.All(calls, called => Assert.DoesNotContain(called, (Function[])[Function.WrapKey, Function.UnwrapKey, Function.DeriveKey, Function.GenerateKeyPair]));
        for (var call = 0; call < calls.Count; call++)
        {
            if (calls[call] is Function.CloseSession or Function.DestroyObject)
            {
                // What ends an operation rather than doing it.
                continue;
            }
            Assert.Null(await FailureAtAsync(operation, call, SessionHandleInvalid));
            Assert.Equal(HsmErrorClass.Fatal, await FailureAtAsync(operation, call, ErrorCodes.DeviceRemoved));
            var isBlob = calls[call] == Function.Decrypt && operation.Blobs.Contains(Function.Decrypt);
            Assert.Equal(isBlob ? HsmErrorClass.Data : HsmErrorClass.Fatal, await FailureAtAsync(operation, call, ReturnValue.GeneralError));
        }
    }

    private async Task<HsmErrorClass?> FailureAtAsync(KnownOperation operation, int call, nuint code)
    {
        await operation.Run(hsm!);
        module.FailCall(call + 1, new ModuleFault(code));
        try
        {
            await operation.Run(hsm!);
            return null;
        }
        catch (HsmException failure)
        {
            return failure.Class;
        }
        finally
        {
            module.Heal();
        }
    }
}
