namespace Custodian.Pkcs11.Binding;

/// <summary>
/// One session. Belongs to one thread at a time: two threads in one session take SoftHSM's process down. There is no cancelling a
/// started operation in 2.40, so after any failure the session is closed and replaced, never used again; closing it also destroys the
/// session objects made in it.
/// </summary>
internal sealed unsafe partial class Pkcs11Session(FunctionTable functions, nuint handle) : IDisposable
{
    public const string LoginFunction = "C_Login";

    private bool closed;

    public FunctionTable Functions => functions;

    public nuint Handle => handle;

    /// <summary>Closes the session. What the module says to that changes nothing: the session is not used again.</summary>
    public void Dispose()
    {
        if (!closed)
        {
            closed = true;
            _ = functions.CloseSession(handle);
        }
    }

    /// <summary>Whether the session exists and its application is logged in as the user.</summary>
    public SessionStanding Standing()
    {
        // A closed session's number may be another's by now.
        CkSessionInfo description;
        if (closed || functions.GetSessionInfo(handle, &description) != ReturnValue.Ok)
        {
            return SessionStanding.Gone;
        }
        return description.State is Ck.StateReadOnlyUser or Ck.StateReadWriteUser ? SessionStanding.User : SessionStanding.Public;
    }

    /// <summary>Opens another session of this one's token; null when there is none to be had.</summary>
    public Pkcs11Session? TryOpenBeside()
    {
        CkSessionInfo description;
        nuint beside;
        return !closed
            && functions.GetSessionInfo(handle, &description) == ReturnValue.Ok
            && functions.OpenSession(description.SlotId, Ckf.SerialSession, null, null, &beside) == ReturnValue.Ok
            ? new Pkcs11Session(functions, beside)
            : null;
    }

    /// <summary>Logs the application in. Says nothing about the PIN when it is logged in already.</summary>
    /// <returns>false when it was logged in already.</returns>
    public bool Login(nuint user, ReadOnlySpan<byte> pin)
    {
        nuint rv;
        fixed (byte* pointer = pin)
        {
            rv = functions.Login(handle, user, pointer, (nuint)pin.Length);
        }
        if (rv == ReturnValue.UserAlreadyLoggedIn)
        {
            return false;
        }
        Check(rv, LoginFunction);
        return true;
    }

    public void Logout() => Check(functions.Logout(handle), "C_Logout");

    /// <summary>Sets the user's PIN, as the security officer.</summary>
    public void InitializePin(ReadOnlySpan<byte> pin)
    {
        fixed (byte* pointer = pin)
        {
            Check(functions.InitPin(handle, pointer, (nuint)pin.Length), "C_InitPIN");
        }
    }

    /// <summary>Fills a buffer; none is asked for zero bytes, which SoftHSM refuses.</summary>
    public void Random(Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            return;
        }
        fixed (byte* pointer = destination)
        {
            Check(functions.GenerateRandom(handle, pointer, (nuint)destination.Length), "C_GenerateRandom");
        }
    }

    // Nothing that a caller sent goes into these calls unchecked, so bad data and failures without a reason are the module's.
    private static void Check(nuint rv, string function)
    {
        if (rv != ReturnValue.Ok)
        {
            throw ReturnValue.Failure(rv, function).OfTheModule();
        }
    }

    // The calls that take a blob from outside: what they say of it may be its own fault.
    private static void CheckBlob(nuint rv, string function)
    {
        if (rv != ReturnValue.Ok)
        {
            throw ReturnValue.Failure(rv, function);
        }
    }
}

/// <summary>What a session is still good for.</summary>
internal enum SessionStanding
{
    Gone,
    Public,
    User,
}
