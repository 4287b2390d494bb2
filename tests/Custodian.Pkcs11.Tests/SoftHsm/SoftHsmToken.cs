namespace Custodian.Pkcs11.Tests.SoftHsm;

/// <summary>One token with a user PIN in a SoftHSM of its own; with the node's keys once asked for.</summary>
public class SoftHsmToken : IDisposable
{
    public const string Label = "node";

    public SoftHsmToken()
    {
        SoftHsm = new SoftHsmDirectory();
        using var securityOfficer = new HsmPin("12345678"u8);
        Description = Pkcs11Token.Initialise(SoftHsmDirectory.ModulePath, Label, securityOfficer, Pin);
    }

    public SoftHsmDirectory SoftHsm { get; }

    public HsmPin Pin { get; } = new("user-pin-1234"u8);

    public TokenDescription Description { get; }

    /// <summary>The keys that were made last; null before.</summary>
    public IReadOnlyList<TokenKey>? Made { get; private set; }

    /// <summary>Options that authorise the keys that were made, or just those that are named.</summary>
    public Pkcs11HsmOptions Options(
        int sessions = 2, int maxAdmitted = 128, int maxWaiting = 256, TimeProvider? timeProvider = null, HsmPin? pin = null,
        EvaluationMode evaluation = EvaluationMode.Hsm, IReadOnlyList<TokenKey>? authorised = null) => new()
        {
            ModulePath = SoftHsmDirectory.ModulePath,
            TokenLabel = Label,
            Pin = pin ?? Pin,
            Evaluation = evaluation,
            Sessions = sessions,
            MaxAdmitted = maxAdmitted,
            Authorised = authorised ?? Made,
            MaxWaiting = maxWaiting,
            TimeProvider = timeProvider ?? TimeProvider.System,
        };

    /// <summary>Options that authorise the keys that were made, and these.</summary>
    public Pkcs11HsmOptions With(params IReadOnlyList<TokenKey> further) => Options(authorised: [.. Made ?? [], .. further]);

    /// <summary>Options that authorise nothing: what there is opens.</summary>
    public Pkcs11HsmOptions OpenOnly() => new()
    {
        ModulePath = SoftHsmDirectory.ModulePath,
        TokenLabel = Label,
        Pin = Pin,
        Sessions = 2,
    };

    public Task<IReadOnlyList<TokenKeyDescription>> CreateKeysAsync() => CreateKeysAsync(EvaluationMode.Hsm);

    public async Task<IReadOnlyList<TokenKeyDescription>> CreateKeysAsync(EvaluationMode evaluation)
    {
        var made = await TokenKeys.CreateAsync(Options(evaluation: evaluation), CancellationToken.None);
        Made = [.. made.Select(key => key.Key)];
        return made;
    }

    public void Dispose()
    {
        Pin.Dispose();
        SoftHsm.Dispose();
        GC.SuppressFinalize(this);
    }
}
