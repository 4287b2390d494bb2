namespace Custodian.Pkcs11;

/// <summary>What a failure of the HSM means for the one who asked. The classes decide what is tried again, and how often.</summary>
public enum HsmErrorClass
{
    /// <summary>The session is gone or spoilt. Replaced and tried once more before a caller sees this.</summary>
    Session,

    /// <summary>The login was lost. Logged in and tried once more before a caller sees this.</summary>
    Login,

    /// <summary>A key's handle is no longer valid. Looked up and tried once more before a caller sees this.</summary>
    Handle,

    /// <summary>The input is wrong: a blob that does not open. Trying again changes nothing.</summary>
    Data,

    /// <summary>The module said no more than "failed". The HSM resolves it with a canary into Data or Fatal.</summary>
    Ambiguous,

    /// <summary>The HSM cannot be used; it must be opened anew, after a pause.</summary>
    Fatal,

    /// <summary>The PIN was refused. Never tried again by itself: real HSMs lock after a few tries.</summary>
    Pin,
}
