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

    public Pkcs11HsmOptions Options(
        int sessions = 2, int maxAdmitted = 128, int maxWaiting = 256, TimeProvider? timeProvider = null, HsmPin? pin = null,
        EvaluationMode evaluation = EvaluationMode.Hsm) => new()
        {
            ModulePath = SoftHsmDirectory.ModulePath,
            TokenLabel = Label,
            Pin = pin ?? Pin,
            Evaluation = evaluation,
            Sessions = sessions,
            MaxAdmitted = maxAdmitted,
            MaxWaiting = maxWaiting,
            TimeProvider = timeProvider ?? TimeProvider.System,
        };

    public Task<IReadOnlyList<TokenKeyDescription>> CreateKeysAsync() => CreateKeysAsync(EvaluationMode.Hsm);

    public Task<IReadOnlyList<TokenKeyDescription>> CreateKeysAsync(EvaluationMode evaluation) =>
        TokenKeys.CreateAsync(Options(evaluation: evaluation), CancellationToken.None);

    public void Dispose()
    {
        Pin.Dispose();
        SoftHsm.Dispose();
        GC.SuppressFinalize(this);
    }
}
