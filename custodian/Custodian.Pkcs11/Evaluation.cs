namespace Custodian.Pkcs11;

/// <summary>The answer of <see cref="IHsm.EvaluateAsync"/>. Both arrays are pinned; whoever sent them zeroes them.</summary>
/// <param name="Evaluated">x(k * point), 32 bytes big-endian.</param>
/// <param name="MaskedShare">The masked share that was deposited, 32 bytes.</param>
public sealed record Evaluation(byte[] Evaluated, byte[] MaskedShare);
