using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Examination;

/// <summary>How many evaluations a module does in a second: one session, and as many as a node would have.</summary>
internal static class SpeedTrial
{
    private static readonly TimeSpan Duration = TimeSpan.FromMilliseconds(300);

    /// <returns>null when the module fails at it, or does not wrap and would have to.</returns>
    public static ExaminedSpeed? Run(TokenConnection connection, nuint? mechanism, Pkcs11HsmOptions options)
    {
        // The keys go with this session; the handles are good in every other.
        using var session = connection.OpenSession();
        try
        {
            if (Evaluator(connection, session, mechanism, options.Evaluation) is not { } evaluate)
            {
                return null;
            }
            var one = PerSecond(connection, evaluate, 1, options.TimeProvider);
            return new(one, options.Sessions, PerSecond(connection, evaluate, options.Sessions, options.TimeProvider));
        }
        catch (Exception e) when (e is HsmException or AggregateException { InnerException: HsmException })
        {
            return null;
        }
    }

    /// <summary>What one evaluation asks of a session beyond opening the record; in memory, where that is all, opening it and the rest.</summary>
    private static Action<Pkcs11Session>? Evaluator(TokenConnection connection, Pkcs11Session session, nuint? mechanism, EvaluationMode mode)
    {
        if (mode == EvaluationMode.Memory)
        {
            var record = ThrowawayRecord.Make(session);
            return record.Evaluate;
        }
        if (mechanism is not { } known)
        {
            return null;
        }
        var keys = ThrowawayKeys.Make(connection, session, known, new byte[Pkcs11Session.PointLength]);
        return inSession =>
        {
            Span<byte> x = stackalloc byte[Pkcs11Session.CoordinateLength];
            var key = keys.Unwrap(inSession);
            inSession.DeriveX(key, SelfTest.Generator, x);
            inSession.Discard(key);
        };
    }

    private static double PerSecond(TokenConnection connection, Action<Pkcs11Session> evaluate, int sessions, TimeProvider time)
    {
        var began = time.GetTimestamp();
        var runs = Enumerable.Range(0, sessions).Select(_ => Task.Factory.StartNew(
            () => Repeat(connection, evaluate, time, began), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        Task.WaitAll(runs);
        return runs.Sum(run => run.Result) / time.GetElapsedTime(began).TotalSeconds;
    }

    private static int Repeat(TokenConnection connection, Action<Pkcs11Session> evaluate, TimeProvider time, long began)
    {
        using var session = connection.OpenSession();
        var done = 0;
        do
        {
            evaluate(session);
            done++;
        }
        while (time.GetElapsedTime(began) < Duration);
        return done;
    }
}
