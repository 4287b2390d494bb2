namespace Custodian.Pkcs11;

/// <summary>A signature, and the key that it verifies under.</summary>
/// <param name="KeyVersion">The audit key's version; its public point is to be kept where the node notes its keys.</param>
/// <param name="Value">64 bytes, r || s.</param>
public sealed record HsmSignature(uint KeyVersion, byte[] Value);
