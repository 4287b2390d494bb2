using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests.Nss;

/// <summary>
/// The softoken of NSS with a fresh database that has a user PIN. A second module, to catch what is true of the first one only. It
/// enforces none of the key policy, so that is not tested on it.
/// </summary>
public class NssToken : IDisposable
{
    public const string ModulePath = "/usr/lib/x86_64-linux-gnu/libsoftokn3.so";

    private const string Label = "NSS Certificate DB";

    private readonly string root = Directory.CreateTempSubdirectory("custodian-nss-").FullName;
    private readonly HsmPin pin = new("user-pin-1234"u8);

    public NssToken() => SetFirstPin();

    internal string Parameters => $"configdir='sql:{root}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=";

    public Pkcs11HsmOptions Options => OptionsOf(EvaluationMode.Hsm);

    public Pkcs11HsmOptions OptionsOf(EvaluationMode evaluation) => new()
    {
        Evaluation = evaluation,
        ModulePath = ModulePath,
        ModuleParameters = Parameters,
        TokenLabel = Label,
        Pin = pin,
        Sessions = 4,
    };

    /// <summary>A session beside the HSM's own, logged in by it.</summary>
    internal Pkcs11Session OpenSession(bool readWrite = false)
    {
        using var module = Pkcs11Module.Acquire(ModulePath, Parameters);
        return module.OpenSession(module.FindSlot(Label, serial: null), readWrite);
    }

    public void Dispose()
    {
        pin.Dispose();
        Directory.Delete(root, recursive: true);
        GC.SuppressFinalize(this);
    }

    // A new database knows a security officer without a PIN, who may set the user's.
    private void SetFirstPin()
    {
        using var module = Pkcs11Module.Acquire(ModulePath, Parameters);
        using var session = module.OpenSession(module.Slots().Single(slot => slot.Token.Label == Label), readWrite: true);
        session.Login(Ck.UserSecurityOfficer, []);
        session.InitializePin(pin.Bytes);
        session.Logout();
    }
}

/// <summary>The same with keys, opened with four sessions for a whole test class.</summary>
public sealed class OpenNss : NssToken, IAsyncLifetime
{
    private Pkcs11Hsm? hsm;

    public Pkcs11Hsm Hsm => hsm ?? throw new InvalidOperationException("The fixture is not initialised.");

    public IReadOnlyList<TokenKeyDescription> Keys { get; private set; } = [];

    public async Task InitializeAsync()
    {
        Keys = await TokenKeys.CreateAsync(Options, CancellationToken.None);
        hsm = await Pkcs11Hsm.OpenAsync(Options, CancellationToken.None);
        await hsm.RefreshKeysAsync([.. Keys.Select(key => key.Key)]);
    }

    public async Task DisposeAsync() => await Hsm.DisposeAsync();
}

/// <summary>The same with the keys of a node that evaluates in memory.</summary>
public sealed class OpenNssInMemory : NssToken, IAsyncLifetime
{
    private Pkcs11Hsm? hsm;

    public Pkcs11Hsm Hsm => hsm ?? throw new InvalidOperationException("The fixture is not initialised.");

    public async Task InitializeAsync()
    {
        var options = OptionsOf(EvaluationMode.Memory);
        var keys = await TokenKeys.CreateAsync(options, CancellationToken.None);
        hsm = await Pkcs11Hsm.OpenAsync(options, CancellationToken.None);
        await hsm.RefreshKeysAsync([.. keys.Select(key => key.Key)]);
    }

    public async Task DisposeAsync() => await Hsm.DisposeAsync();
}
