using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;

namespace Custodian.Model.Tests.Store;

/// <summary>
/// Draws scripts: single steps of every kind, most of them nonsense that a node must refuse, and between them the few steps in a row that
/// lead somewhere.
/// </summary>
internal static class Scripts
{
    internal const int Attempts = 8;

    private static readonly TimeSpan[] s_leaps =
    [
        TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(29.999), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(60),
        TimeSpan.FromMilliseconds(60_001), TimeSpan.FromMinutes(2), TimeSpan.FromHours(25), TimeSpan.FromDays(3650),
        TimeSpan.FromSeconds(-1), TimeSpan.FromSeconds(-90), TimeSpan.FromDays(-2),
    ];

    internal static Arbitrary<Script> Arbitrary { get; } =
        Arb.From(Gen.Sized(Draw), script => script.Shrink());

    private static Gen<Script> Draw(int size) =>
        from rows in Row().ArrayOf(4 + size)
        select new Script([.. rows.SelectMany(r => r)]);

    /// <summary>The first records are drawn most often: what happens has to happen to the same few.</summary>
    private static Gen<char> Name() => Gen.Frequency(
        (18, Gen.Elements("ABCD".ToCharArray())), (4, Gen.Elements("EFG".ToCharArray())), (1, Gen.Elements(Cast.Mine.ToCharArray())),
        (3, Gen.Elements(Cast.Theirs.ToCharArray())));

    private static Gen<char?> Maybe() => Gen.Frequency((1, Gen.Constant((char?)null)), (2, Name().Select(n => (char?)n)));

    private static Gen<bool> Mostly() => Gen.Frequency((9, Gen.Constant(true)), (1, Gen.Constant(false)));

    private static Gen<bool> Rarely() => Mostly().Select(often => !often);

    private static Gen<int> Attempt() => Gen.Choose(0, Attempts - 2);

    private static Gen<Step[]> Row() => Gen.Frequency(
        (12, Call().Select(s => new[] { s })),
        (3, Befall().Select(s => new[] { s })),
        (4, Enrolment()),
        (3, Recovery()),
        (2, Guesses()),
        (2, Resend()),
        (2, PutBack()),
        (1, Gen.Elements(Hoard(), Burials())));

    private static Gen<Step> Call() => Gen.Frequency(
        (4, from r in Name() from p in Maybe() from d in Maybe() from o in Rarely() from s in Mostly() select (Step)new Deposit(r, p, d, o, s)),
        (3, from r in Name() from s in Mostly() select (Step)new Activate(r, s)),
        (7, from r in Name() from a in Attempt() from p in Rarely() from h in Rarely() select (Step)new Evaluate(r, a, p ? 1 : 0, h)),
        (3, from r in Name() from a in Attempt() from o in Rarely() from s in Mostly() select (Step)new Confirm(r, a, o, s)),
        (3, from r in Name() from b in Name() select (Step)new Retire(r, b)),
        (2, from r in Name() from b in Gen.Elements('P', 'A', 'S') from s in Mostly() select (Step)new Delete(r, b, s)));

    private static Gen<Step> Befall() => Gen.Frequency(
        (5, Gen.Elements(s_leaps).Select(l => (Step)new Clock(l))),
        (2, Gen.Constant((Step)new Restart())),
        (2, Gen.Constant((Step)new Crash())),
        (3, Call().Select(c => (Step)new CrashIn(c))),
        (2, Gen.Constant((Step)new Backup())),
        (1, Gen.Constant((Step)new Restore())));

    /// <summary>A record replaced by the next.</summary>
    private static Gen<Step[]> Enrolment() =>
        from old in Name()
        let next = Next(old)
        select new Step[]
        {
            new Deposit(old, null, null, false, true), new Activate(old, true),
            new Deposit(next, old, null, false, true), new Activate(next, true),
        };

    private static Gen<Step[]> Recovery() =>
        from r in Name() from a in Attempt()
        select new Step[] { new Evaluate(r, a, 0, false), new Confirm(r, a, false, true) };

    private static Gen<Step[]> Resend() =>
        from r in Name() from a in Attempt()
        select new Step[] { new Evaluate(r, a, 0, false), new Evaluate(r, a, 0, true), new Confirm(r, a, false, true) };

    /// <summary>What is charged after a backup is forgotten by it.</summary>
    private static Gen<Step[]> PutBack() =>
        from r in Name() from a in Attempt()
        select new Step[] { new Backup(), new Evaluate(r, a, 0, false), new Restore(), new Evaluate(r, a + 1, 0, false) };

    /// <summary>As many as a record allows, with or without the waits.</summary>
    private static Gen<Step[]> Guesses() =>
        from r in Name() from wait in Gen.Elements(s_leaps)
        select Enumerable.Range(0, 6).SelectMany(a => new Step[] { new Evaluate(r, a, 0, false), new Clock(wait) }).ToArray();

    /// <summary>More SUPERSEDED records than a node holds.</summary>
    private static Step[] Hoard() =>
        [.. Cast.Mine.Zip(Cast.Mine[1..]).Take(10).SelectMany(pair => new Step[]
        {
            new Deposit(pair.Second, pair.First, null, false, true), new Activate(pair.Second, true),
        })];

    /// <summary>More tombstones than a node keeps.</summary>
    private static Step[] Burials() =>
        [.. Cast.Mine.SelectMany(name => new Step[] { new Deposit(name, null, null, false, true), new Delete(name, 'P', true) })];

    private static char Next(char name) => name switch
    {
        'A' => 'B',
        'B' or 'C' => 'D',
        'T' => 'A',
        'c' => 'a',
        _ => (char)(name + 1),
    };
}
