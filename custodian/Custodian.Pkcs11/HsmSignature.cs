namespace Custodian.Pkcs11;

/// <summary>A signature, and the key that it verifies under.</summary>
/// <param name="KeyVersion">The audit key's version: one of <see cref="KeyInventory.Audit"/>, and there for good.</param>
/// <param name="Value">64 bytes, r || s.</param>
public sealed record HsmSignature(uint KeyVersion, byte[] Value);
