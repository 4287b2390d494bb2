namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>Bytes that are no frame, or a frame that does not hold what its kind says. Nothing after them can be trusted.</summary>
/// <param name="message">What is wrong, without any of the bytes.</param>
internal sealed class MalformedFrameException(string message) : Exception(message);
