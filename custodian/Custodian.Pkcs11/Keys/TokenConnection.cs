using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// The application's login to one token. An anchor session stays open as long as this does, never leased to anyone, because closing
/// the last session logs out. Not thread-safe, but for <see cref="OpenSession"/>.
/// </summary>
internal sealed class TokenConnection : IDisposable
{
    /// <summary>What a token that has no try of its PIN to spare fails.</summary>
    private const string PinCheck = "PIN flags";

    private readonly Pkcs11Module module;
    private readonly Slot slot;
    private readonly HsmPin pin;
    private bool pinRefused;

    private TokenConnection(Pkcs11Module module, Slot slot, HsmPin pin, Pkcs11Session anchor)
    {
        this.module = module;
        this.slot = slot;
        this.pin = pin;
        Anchor = anchor;
    }

    /// <summary>The session that keeps the login, and in which what outlives a lease is made.</summary>
    public Pkcs11Session Anchor { get; private set; }

    public TokenDescription Token => slot.Token;

    /// <summary>Sessions that the token allows at once; null where it sets no limit or does not say.</summary>
    public int? MaxSessions => slot.MaxSessions;

    /// <summary>NSS is told by its name; it alone wants an attribute of its own in an unwrapped key's template.</summary>
    public bool IsNss => slot.Token.Manufacturer.StartsWith("Mozilla", StringComparison.Ordinal);

    /// <summary>Finds the token and logs in, with one try of the PIN.</summary>
    /// <exception cref="HsmException">No such token, or the PIN was refused.</exception>
    /// <exception cref="InvalidOperationException">This process is logged in to the token already, so the PIN cannot be verified.</exception>
    public static TokenConnection Open(Pkcs11HsmOptions options)
    {
        var module = Pkcs11Module.Acquire(options.ModulePath, options.ModuleParameters);
        try
        {
            var slot = module.FindSlot(options.TokenLabel, options.TokenSerial);
            return Login(module, slot, options.Pin);
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    public Pkcs11Session OpenSession(bool readWrite = false) => module.OpenSession(slot, readWrite);

    public HashSet<nuint> Mechanisms() => module.Mechanisms(slot);

    /// <summary>Brings anchor and login back after either was lost. A PIN that was refused once is not sent again.</summary>
    /// <returns>Whether one was, and with it what was made in the anchor, or every handle.</returns>
    /// <exception cref="HsmException">They do not come back.</exception>
    public bool Restore()
    {
        if (Anchor.Standing() == SessionStanding.User)
        {
            return false;
        }
        if (Anchor.Standing() == SessionStanding.Gone)
        {
            Anchor.Dispose();
            Anchor = OpenSession();
        }
        if (Anchor.Standing() != SessionStanding.User)
        {
            LoginOnce();
        }
        return true;
    }

    /// <summary>
    /// Puts a fresh anchor in the place of one in which a call failed, and may have left an operation active. The new one is open before
    /// the old one closes, since closing the last session logs out; what was made in the old one goes with it.
    /// </summary>
    /// <exception cref="HsmException">No session could be opened; the old anchor stays.</exception>
    public void ReplaceAnchor()
    {
        var spent = Anchor;
        Anchor = OpenSession();
        spent.Dispose();
    }

    public void Dispose()
    {
        Anchor.Dispose();
        pin.Dispose();
        module.Dispose();
    }

    private static TokenConnection Login(Pkcs11Module module, Slot slot, HsmPin pin)
    {
        var anchor = module.OpenSession(slot);
        var connection = new TokenConnection(module, slot, pin.Copy(), anchor);
        try
        {
            if (anchor.Standing() == SessionStanding.User || !connection.LoginOnce())
            {
                throw new InvalidOperationException("This process uses the token already.");
            }
            return connection;
        }
        catch
        {
            anchor.Dispose();
            connection.pin.Dispose();
            throw;
        }
    }

    // A supervisor that starts a node again and again with a wrong PIN would lock the token. Its last try is left to a person. No PIN was
    // refused here, so that whoever waits for the token goes on as soon as it has tries again.
    private static void RequireTriesLeft(nuint flags)
    {
        if ((flags & Ckf.UserPinLocked) != 0)
        {
            throw new HsmException(HsmErrorClass.Fatal, 0, PinCheck, "The token's PIN is locked; its security officer must set it anew.");
        }
        if ((flags & Ckf.UserPinFinalTry) != 0)
        {
            throw new HsmException(
                HsmErrorClass.Fatal,
                0,
                PinCheck,
                "The token has one try of its PIN left, which is not used by itself; log in once with the HSM's own tool and the right PIN.");
        }
    }

    private bool LoginOnce()
    {
        if (pinRefused)
        {
            throw new HsmException(HsmErrorClass.Pin, 0, Pkcs11Session.LoginFunction, "The PIN was refused before; it is not tried again.");
        }
        RequireTriesLeft(module.FlagsOf(slot));
        try
        {
            return Anchor.Login(Ck.UserUser, pin.Bytes);
        }
        catch (HsmException e) when (e.Class == HsmErrorClass.Pin)
        {
            pinRefused = true;
            throw;
        }
    }
}
