using System.Globalization;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Examination;

/// <summary>
/// Looks at a module and its token as a node would use them, before <see cref="TokenKeys.CreateAsync"/> or after. Changes nothing: what
/// it tries, it tries with keys that go with its sessions.
/// </summary>
public static class ModuleExaminer
{
    /// <summary>Examines a module and token, with one try of the PIN unless the token says that it is the last.</summary>
    /// <param name="options">Which token, in which mode, and with how many sessions a node would use it.</param>
    /// <param name="cancellationToken">Checked before the module is touched.</param>
    /// <returns>What was found, as far as it could be looked at: a module that fails early ends the examination there.</returns>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    /// <exception cref="InvalidOperationException">This process uses the token already.</exception>
    public static Task<ModuleExamination> ExamineAsync(Pkcs11HsmOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return Task.Run(() => Examine(options), cancellationToken);
    }

    private static ModuleExamination Examine(Pkcs11HsmOptions options)
    {
        var parts = new List<ExaminedPart>();
        TokenDescription? token = null;
        try
        {
            using var module = Pkcs11Module.Acquire(options.ModulePath, options.ModuleParameters);
            var slot = module.FindSlot(options.TokenLabel, options.TokenSerial);
            token = slot.Token;
            parts.Add(new("the module and its token", $"'{token.Label}', serial {token.Serial}", Fitness.Good, ""));
            parts.Add(PinStanding.Examine(slot.Flags));
            using var connection = TokenConnection.Open(options);
            return ExamineOpened(connection, token, options, parts);
        }
        catch (HsmException e)
        {
            var what = e.Class == HsmErrorClass.Pin ? "a PIN that the token takes" : "a module and token that open";
            if (parts.TrueForAll(part => part.Fitness != Fitness.Unfit))
            {
                parts.Add(new(what, e.Message.TrimEnd('.'), Fitness.Unfit, "nothing else could be looked at"));
            }
            return new(token, parts, null);
        }
    }

    private static ModuleExamination ExamineOpened(
        TokenConnection connection, TokenDescription token, Pkcs11HsmOptions options, List<ExaminedPart> parts)
    {
        var offered = connection.Mechanisms();
        var abilities = Ability.All.Select(ability => (Ability: ability, Failure: Failure(ability, connection))).ToList();
        var modes = EvaluationModes.All.Where(mode => abilities.TrueForAll(tried => tried.Failure is null || !tried.Ability.IsOf(mode))).ToList();
        parts.AddRange(abilities.Select(tried => Part(tried.Ability, tried.Failure, offered, options.Evaluation)));
        parts.Add(ModePart.Of(options.Evaluation, modes));
        parts.Add(ExamineSessions(connection, options.Sessions));
        var mechanism = WrapMechanism(connection);
        parts.AddRange(Protection.All.Where(protection => protection.IsOf(options.Evaluation)).Select(protection => Examine(protection, connection, mechanism)));
        parts.Add(ExamineCopies(connection));
        parts.AddRange(OwnKeys.Examine(connection, options.Evaluation, mechanism));
        return new(token, parts, SpeedTrial.Run(connection, mechanism, options)) { Modes = modes };
    }

    private static HsmException? Failure(Ability ability, TokenConnection connection)
    {
        try
        {
            ability.Prove(connection);
            return null;
        }
        catch (HsmException e)
        {
            return e;
        }
    }

    private static ExaminedPart Part(Ability ability, HsmException? failure, HashSet<nuint> offered, EvaluationMode mode)
    {
        var isListed = ability.Mechanisms.Count == 0 || ability.Mechanisms.Any(offered.Contains);
        var why = failure?.InnerException?.Message.TrimEnd('.') ?? failure?.Message;
        var found = (failure, isListed) switch
        {
            (null, true) => "does",
            (null, false) => "does, though it is not in its list of mechanisms",
            (_, true) => $"does not: {why}",
            _ => $"does not, and does not list it: {why}",
        };
        if (!ability.IsOf(mode))
        {
            return new(ability.Words, found, Fitness.Good, ModePart.NotNeeded);
        }
        return failure is null
            ? new(ability.Words, found, Fitness.Good, "")
            : new(ability.Words, found, Fitness.Unfit, ability.IsOfBothModes ? ModePart.Refused : ModePart.RefusedInTheHsm);
    }

    private static ExaminedPart Examine(Protection protection, TokenConnection connection, nuint? mechanism)
    {
        if (mechanism is not { } known)
        {
            return new(protection.Words, "not tried, since the module does not wrap", Fitness.Weaker, protection.Otherwise);
        }
        using var session = connection.OpenSession();
        try
        {
            return protection.Holds(connection, session, known)
                ? new(protection.Words, "holds", Fitness.Good, "")
                : new(protection.Words, "is taken and does not hold", Fitness.Weaker, protection.Otherwise);
        }
        catch (HsmException e)
        {
            return new(protection.Words, $"is not taken: {e.Message.TrimEnd('.')}", Fitness.Weaker, protection.Otherwise);
        }
    }

    private static ExaminedPart ExamineSessions(TokenConnection connection, int sessions)
    {
        // Those of the pool; the anchor is open already.
        var opened = new List<Pkcs11Session>();
        var needed = string.Create(CultureInfo.InvariantCulture, $"{sessions + 1} sessions at once");
        var limit = connection.MaxSessions is { } most ? string.Create(CultureInfo.InvariantCulture, $"at most {most}") : "no limit named";
        try
        {
            while (opened.Count < sessions)
            {
                opened.Add(connection.OpenSession());
            }
            return connection.MaxSessions <= sessions
                ? new(needed, limit, Fitness.Unfit, Lower(connection.MaxSessions.Value - 1))
                : new(needed, $"opens them; {limit}", Fitness.Good, "");
        }
        catch (HsmException e)
        {
            return new(needed, $"{opened.Count + 1}, and then {e.Message.TrimEnd('.')}; {limit}", Fitness.Unfit, Lower(opened.Count));
        }
        finally
        {
            opened.ForEach(session => session.Dispose());
        }

        static string Lower(int most) => $"set hsm:sessions to at most {Math.Max(most, 1)}, or raise the token's limit";
    }

    private static ExaminedPart ExamineCopies(TokenConnection connection)
    {
        const string Needed = "session copies of the seal key";
        using var session = connection.OpenSession();
        using var template = new AttributeTemplate().Add(Cka.Token, false);
        try
        {
            session.Copy(session.GenerateAesKey(ThrowawayKeys.Cipher), template);
            return new(Needed, "makes them", Fitness.Good, "");
        }
        catch (HsmException e)
        {
            return new(Needed, $"makes none: {e.Message.TrimEnd('.')}", Fitness.Weaker, "the token's own key is used, which some modules are slower with");
        }
    }

    private static nuint? WrapMechanism(TokenConnection connection)
    {
        try
        {
            return SelfTest.ProvenWrapMechanism(connection);
        }
        catch (HsmException)
        {
            return null;
        }
    }
}
