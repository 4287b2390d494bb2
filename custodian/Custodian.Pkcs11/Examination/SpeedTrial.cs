using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;

namespace Custodian.Pkcs11.Examination;

/// <summary>How many evaluations a module does in a second: one session, and as many as a node would have.</summary>
internal static class SpeedTrial
{
    private static readonly TimeSpan Duration = TimeSpan.FromMilliseconds(300);

    /// <returns>null when the module fails at it.</returns>
    public static ExaminedSpeed? Run(TokenConnection connection, nuint mechanism, Pkcs11HsmOptions options)
    {
        // The keys go with this session; the handles are good in every other.
        using var session = connection.OpenSession();
        try
        {
            var keys = ThrowawayKeys.Make(connection, session, mechanism, new byte[Pkcs11Session.PointLength]);
            var one = PerSecond(connection, keys, 1, options.TimeProvider);
            return new(one, options.Sessions, PerSecond(connection, keys, options.Sessions, options.TimeProvider));
        }
        catch (Exception e) when (e is HsmException or AggregateException { InnerException: HsmException })
        {
            return null;
        }
    }

    private static double PerSecond(TokenConnection connection, ThrowawayKeys keys, int sessions, TimeProvider time)
    {
        var began = time.GetTimestamp();
        var runs = Enumerable.Range(0, sessions).Select(_ => Task.Factory.StartNew(
            () => Evaluate(connection, keys, time, began), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        Task.WaitAll(runs);
        return runs.Sum(run => run.Result) / time.GetElapsedTime(began).TotalSeconds;
    }

    private static int Evaluate(TokenConnection connection, ThrowawayKeys keys, TimeProvider time, long began)
    {
        Span<byte> x = stackalloc byte[Pkcs11Session.CoordinateLength];
        using var session = connection.OpenSession();
        var done = 0;
        do
        {
            var key = keys.Unwrap(session);
            session.DeriveX(key, SelfTest.Generator, x);
            session.Discard(key);
            done++;
        }
        while (time.GetElapsedTime(began) < Duration);
        return done;
    }
}
