using System.Security.Cryptography;

namespace Custodian.Node.Api;

/// <summary>The name of one call at one node: joins a refusal that a user shows to the log line that explains it.</summary>
internal static class RequestId
{
    /// <summary>The response trailer that carries it.</summary>
    internal const string Trailer = "x-request-id";

    private const int Digits = 16;

    /// <summary>16 random lower-case hexadecimal digits: drawn here, so that no caller can put words into the log.</summary>
    internal static string Draw() => RandomNumberGenerator.GetHexString(Digits, lowercase: true);
}
