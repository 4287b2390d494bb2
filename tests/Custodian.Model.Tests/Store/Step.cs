using System.Collections.Immutable;

namespace Custodian.Model.Tests.Store;

/// <summary>
/// One line of a script: a call, or something that befalls the node. Records are letters (see <see cref="Cast"/>), attempts and points are
/// numbers, so that every step means something after every other and a script stays one when lines are taken out.
/// </summary>
internal abstract record Step
{
    /// <summary>Whether it is a call that the store decides, and a crash can cut off.</summary>
    internal virtual bool IsCall => true;
}

internal sealed record Deposit(char Record, char? Replacing, char? Displacing, bool OtherShare, bool Signed) : Step
{
    public override string ToString() =>
        $"deposit {Record}{(OtherShare ? " with another share" : "")}{(Replacing is { } r ? $", replacing {r}" : "")}"
        + $"{(Displacing is { } d ? $", displacing {d}" : "")}{(Signed ? "" : ", badly signed")}";
}

internal sealed record Activate(char Record, bool Signed) : Step
{
    public override string ToString() => $"activate {Record}{(Signed ? "" : ", badly signed")}";
}

internal sealed record Evaluate(char Record, int Attempt, int Point, bool HsmFails) : Step
{
    public override string ToString() => $"evaluate {Record}, attempt {Attempt}, point {Point}{(HsmFails ? "; the HSM fails" : "")}";
}

/// <summary>Confirms with the sequence that the attempt's last charge had, or with the next one.</summary>
internal sealed record Confirm(char Record, int Attempt, bool OtherSequence, bool Signed) : Step
{
    public override string ToString() =>
        $"confirm {Record}, attempt {Attempt}{(OtherSequence ? ", another sequence" : "")}{(Signed ? "" : ", badly signed")}";
}

internal sealed record Retire(char Record, char By) : Step
{
    public override string ToString() => $"retire {Record} under the key of {By}";
}

internal sealed record Delete(char Record, char Believed, bool Signed) : Step
{
    public override string ToString() => $"delete {Record} as {Believed}{(Signed ? "" : ", badly signed")}";
}

internal sealed record Clock(TimeSpan By) : Step
{
    internal override bool IsCall => false;

    public override string ToString() => $"the clock goes {(By < TimeSpan.Zero ? "back" : "on")} by {By.Duration()}";
}

internal sealed record Restart : Step
{
    internal override bool IsCall => false;

    public override string ToString() => "stop and start";
}

/// <summary>The process ends with no close after the step before: what is on the disk then is what the next one finds.</summary>
internal sealed record Crash : Step
{
    internal override bool IsCall => false;

    public override string ToString() => "crash";
}

/// <summary>The process ends when the call has been decided and is not committed.</summary>
internal sealed record CrashIn(Step Call) : Step
{
    internal override bool IsCall => false;

    public override string ToString() => $"crash between deciding and committing: {Call}";
}

internal sealed record Backup : Step
{
    internal override bool IsCall => false;

    public override string ToString() => "backup";
}

/// <summary>Starts from the last backup; without one, nothing happens.</summary>
internal sealed record Restore : Step
{
    internal override bool IsCall => false;

    public override string ToString() => "restore the last backup";
}

/// <summary>What a run does, one line a step.</summary>
internal sealed record Script(ImmutableArray<Step> Steps)
{
    public override string ToString() => string.Join('\n', Steps.Select((s, i) => $"{i + 1,3}  {s}"));

    /// <summary>Shorter ones: without a half, a quarter, ... a single step; then with simpler steps.</summary>
    internal IEnumerable<Script> Shrink()
    {
        for (int cut = Steps.Length; cut > 0; cut /= 2)
        {
            for (int from = 0; from < Steps.Length; from += cut)
            {
                yield return new Script(Steps.RemoveRange(from, Math.Min(cut, Steps.Length - from)));
            }
        }
    }
}
