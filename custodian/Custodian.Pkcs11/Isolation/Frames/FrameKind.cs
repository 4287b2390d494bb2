namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>What a frame is. Requests go to the HSM's process, answers come from it.</summary>
internal enum FrameKind : byte
{
    /// <summary>The first request: which token, and the PIN.</summary>
    Open = 0x01,

    /// <summary><see cref="IHsm.PrepareAsync"/>.</summary>
    Prepare = 0x02,

    /// <summary><see cref="IHsm.AdoptAsync"/>.</summary>
    Adopt = 0x03,

    /// <summary><see cref="IHsm.EvaluateAsync"/>.</summary>
    Evaluate = 0x04,

    /// <summary><see cref="IHsm.SealAsync"/>.</summary>
    Seal = 0x05,

    /// <summary><see cref="IHsm.OpenAsync"/>.</summary>
    Unseal = 0x06,

    /// <summary><see cref="IHsm.SignAsync"/>.</summary>
    Sign = 0x07,

    /// <summary><see cref="IHsm.RandomAsync"/>.</summary>
    Random = 0x08,

    /// <summary><see cref="IHsm.ProbeAsync"/>.</summary>
    Probe = 0x09,

    /// <summary><see cref="IHsm.ResealAsync"/>.</summary>
    Reseal = 0x0A,

    /// <summary><see cref="IHsm.RefreshKeysAsync"/>.</summary>
    Keys = 0x0B,

    /// <summary>The answer to a request that was done. What it holds follows from the request.</summary>
    Done = 0x81,

    /// <summary>The answer to a request that failed: an <see cref="HsmException"/>.</summary>
    Failed = 0x82,
}
