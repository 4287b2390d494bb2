using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Examination;

namespace Custodian.Pkcs11.Keys;

/// <summary>
/// Login and keys, for all threads: sessions to open, the keys as they are found now, and the cure when a login or a handle was lost.
/// </summary>
internal sealed class KeyRing : IDisposable
{
    private readonly TokenConnection connection;
    private readonly Lock cure = new();
    private volatile TokenKeySet keys;

    private KeyRing(TokenConnection connection, TokenKeySet keys)
    {
        this.connection = connection;
        this.keys = keys;
    }

    public TokenKeySet Keys => keys;

    public TokenDescription Token => connection.Token;

    /// <summary>Logs in, finds the keys and proves what the module can do.</summary>
    public static KeyRing Open(Pkcs11HsmOptions options)
    {
        var connection = TokenConnection.Open(options);
        try
        {
            RequireRoom(connection, options.Sessions);
            Ability.ProveAll(connection, options.Evaluation);
            var keys = KeyFinder.Find(connection.Anchor, options.Authorised, WrapAbility.Of(connection, options.Evaluation));
            return new KeyRing(connection, SelfTest.Prove(connection, keys));
        }
        catch (HsmException e)
        {
            connection.Dispose();
            throw e.OfTheModule();
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public Pkcs11Session OpenSession() => connection.OpenSession();

    /// <summary>
    /// Brings back what was lost, unless another thread did since <paramref name="seen"/> was read: anchor and login where they are
    /// gone, and then the handles. A session that was lost alone is its owner's to replace, and nobody else's handles change for it.
    /// </summary>
    /// <exception cref="HsmException">It does not come back. Never of class Ambiguous or Data: nothing of a caller's is in it.</exception>
    public void Restore(TokenKeySet seen, HsmErrorClass lost)
    {
        lock (cure)
        {
            if (!ReferenceEquals(seen, keys))
            {
                return;
            }
            if (!connection.Restore() && lost == HsmErrorClass.Session)
            {
                return;
            }

            // An operation that uses a copy right now fails there, and is tried again with the keys found below.
            Discard(seen.Seals);
            keys = FindAgain(seen);
        }
    }

    /// <summary>
    /// Looks for keys that came or went, such as an operator's command makes them in another process. An operation under way ends with
    /// the keys that it began with, unless those are gone from the token.
    /// </summary>
    /// <param name="session">Where to look, and to try a key that is new in use; closed if that fails.</param>
    /// <param name="authorised">What new things may be made under from now on; null for what was said before.</param>
    /// <exception cref="HsmException">What is authorised is not there, does not work, or the token is not there: the keys stay those they were.</exception>
    public KeyInventory Refresh(Pkcs11Session session, IReadOnlyList<TokenKey>? authorised)
    {
        lock (cure)
        {
            var former = keys;
            var found = KeyFinder.FindAgain(session, connection.Anchor, former, authorised ?? former.Authorised);
            try
            {
                Try(session, former, found);
            }
            catch (HsmException e)
            {
                Discard(found.Seals.Except(former.Seals));
                throw e.OfTheModule();
            }
            keys = found;
            Discard(former.Seals.Except(found.Seals));
            return found.Inventory;
        }
    }

    /// <summary>
    /// What a failure without a reason meant. If the canary sings, the HSM is well and the input was bad; if not, nothing is. The canary
    /// is of the failure's kind: a seal key that is well says nothing of a wrap key that is not.
    /// </summary>
    /// <returns>Class Data or Fatal; or what keeps the canary from singing, where that has a cure or is the PIN.</returns>
    public HsmException Resolve(HsmException ambiguous)
    {
        try
        {
            using var session = OpenSession();
            if (ambiguous.Function == Pkcs11Session.UnwrapFunction)
            {
                SelfTest.RecordKeyCanary(session, keys);
            }
            else
            {
                SelfTest.Canary(session, keys);
            }
            return new HsmException(HsmErrorClass.Data, ambiguous.ReturnValue, ambiguous.Function, ambiguous.Message, ambiguous);
        }
        catch (HsmException canary)
        {
            return canary.IsTransient || canary.Class == HsmErrorClass.Pin
                ? canary
                : new HsmException(HsmErrorClass.Fatal, canary.ReturnValue, canary.Function, canary.Message, canary);
        }
    }

    public void Dispose() => connection.Dispose();

    /// <summary>A key is tried before anything is made under it.</summary>
    private void Try(Pkcs11Session session, TokenKeySet former, TokenKeySet found)
    {
        if (found.Used is { } seal && found.CanarySeal != former.CanarySeal)
        {
            Try(session, former, found, SelfTest.Canary, TokenKeyNames.Of(KeyPurpose.Seal, seal.Seal.Version));
        }
        if (found.Used?.Wrap is { } wrap && found.CanaryWrap != former.CanaryWrap)
        {
            Try(session, former, found, SelfTest.RecordKeyCanary, wrap.Label);
        }
    }

    // An HSM that is away is not the new key's fault: with the former keys it fails as well.
    private void Try(Pkcs11Session session, TokenKeySet former, TokenKeySet found, Action<Pkcs11Session, TokenKeySet> canary, string label)
    {
        try
        {
            canary(session, found);
        }
        catch (HsmException e) when (!e.IsTransient && e.Class != HsmErrorClass.Pin && Sings(former, canary))
        {
            throw new HsmException(
                HsmErrorClass.Fatal, e.ReturnValue, KeyFinder.Check,
                $"The key {label} does not work, and nothing new is made under it: {e.Message.TrimEnd('.')}. Make another version with 'custodian keys rotate'.", e);
        }
    }

    private bool Sings(TokenKeySet former, Action<Pkcs11Session, TokenKeySet> canary)
    {
        try
        {
            using var session = OpenSession();
            canary(session, former);
            return true;
        }
        catch (HsmException)
        {
            return false;
        }
    }

    private void Discard(IEnumerable<SealKey> unused)
    {
        foreach (var copy in unused.Where(key => key.IsCopied))
        {
            connection.Anchor.Discard(copy.Use);
        }
    }

    // The anchor is one more. Else the last threads of the pool would never get a session, and their operations fail for ever.
    private static void RequireRoom(TokenConnection connection, int sessions)
    {
        if (connection.MaxSessions is { } most && most <= sessions)
        {
            throw new HsmException(
                HsmErrorClass.Fatal,
                0,
                "session limit",
                $"The token allows {most} sessions at once, and {sessions} are to be used and one more; set hsm:sessions to at most {most - 1}.");
        }
    }

    // A search that fails half-way stays active in the anchor; in it, every later search would end in OPERATION_ACTIVE.
    private TokenKeySet FindAgain(TokenKeySet seen)
    {
        try
        {
            return KeyFinder.Find(connection.Anchor, seen.Authorised, seen.Module);
        }
        catch
        {
            connection.ReplaceAnchor();
            throw;
        }
    }
}
