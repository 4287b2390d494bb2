namespace Custodian.Pkcs11;

/// <summary>The HSM did not do what it was asked. Carries no PIN, no key and no data of the request.</summary>
public sealed class HsmException : Exception
{
    /// <summary>A failure that the module reported.</summary>
    /// <param name="class">What it means.</param>
    /// <param name="returnValue">The CK_RV, 0 when the failure was found outside a call.</param>
    /// <param name="function">The PKCS#11 function, or the check that failed.</param>
    /// <param name="message">What happened, without secrets.</param>
    /// <param name="innerException">The cause, if another exception was it.</param>
    public HsmException(
        HsmErrorClass @class, ulong returnValue, string function, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Class = @class;
        ReturnValue = returnValue;
        Function = function;
    }

    /// <summary>What the failure means for the caller.</summary>
    public HsmErrorClass Class { get; }

    /// <summary>Whether the same call may succeed on this HSM without anyone doing something about it.</summary>
    public bool IsTransient => Class is HsmErrorClass.Session or HsmErrorClass.Login or HsmErrorClass.Handle;

    /// <summary>Whether it failed because a blob names a version of a key that the token lacks: not made yet, retired, or another token's.</summary>
    public bool IsOfMissingKey => Function == Keys.TokenKeySet.MissingVersion;

    /// <summary>Whether it failed because a key in the token is not what it must be, is there twice, or lacks its other half.</summary>
    public bool IsOfBadKeys => Function is Keys.KeyPolicy.Check or Keys.KeyFinder.Check;

    /// <summary>The module's CK_RV; 0 when the failure was found outside a call.</summary>
    public ulong ReturnValue { get; }

    /// <summary>The PKCS#11 function that failed, or the name of the check.</summary>
    public string Function { get; }

    /// <summary>Whether it failed because a blob is of a node that evaluates elsewhere than this one.</summary>
    public bool IsOfOtherMode => Function == Sealing.SealedBlob.ModeCheck;

    /// <summary>Whether the module lacks what only <see cref="EvaluationMode.Hsm"/> needs: in the other mode a node can do without it.</summary>
    public bool IsOfHsmEvaluation { get; internal init; }

    /// <summary>Whether a login sent the PIN and it was refused, then or before; other calls may speak of a PIN that nobody sent.</summary>
    internal bool IsOfRefusedPin => Class == HsmErrorClass.Pin && Function == Binding.Pkcs11Session.LoginFunction;

    /// <summary>The same failure where no input of a caller can be its cause.</summary>
    internal HsmException OfTheModule() =>
        Class is HsmErrorClass.Ambiguous or HsmErrorClass.Data ? new(HsmErrorClass.Fatal, ReturnValue, Function, Message, this) : this;
}
