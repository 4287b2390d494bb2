namespace Custodian.Pkcs11;

/// <summary>The answer of <see cref="IHsm.PrepareAsync"/>.</summary>
/// <param name="Evaluated">x(k * point), 32 bytes big-endian.</param>
/// <param name="SealedKey">The wrapped k, or k itself at a node that evaluates in memory, its public point and its expiry, sealed: bytes for the client to keep and bring back.</param>
public sealed record PreparedKey(byte[] Evaluated, byte[] SealedKey);
