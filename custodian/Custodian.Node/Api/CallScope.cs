using System.Security.Cryptography;
using Google.Protobuf;

namespace Custodian.Node.Api;

/// <summary>What a call knows of itself while it runs. Disposed when its answer is sent, or nobody is left to send it to.</summary>
/// <param name="requestId">Its name in the log and in its refusal.</param>
/// <param name="waiting">
/// Ends when the caller has gone, its deadline is over, or <see cref="NodeProfile.LongestWait"/> is. For waiting only: an operation that
/// has charged an attempt goes on without it.
/// </param>
internal sealed class CallScope(string requestId, CancellationToken waiting) : IDisposable
{
    private readonly List<byte[]> _lent = [];

    internal string RequestId => requestId;

    internal CancellationToken Waiting => waiting;

    /// <summary>Puts a secret into the answer without a copy. The array is the scope's from here on, which zeroes it at its end.</summary>
    internal ByteString Lend(byte[] secret)
    {
        _lent.Add(secret);
        return UnsafeByteOperations.UnsafeWrap(secret);
    }

    /// <summary>Zeroes what was lent.</summary>
    public void Dispose() => _lent.ForEach(static secret => CryptographicOperations.ZeroMemory(secret));
}
