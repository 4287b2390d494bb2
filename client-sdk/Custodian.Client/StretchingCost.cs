using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What stretching the user's secret with Argon2id costs (protocol.md section 5).</summary>
/// <param name="MemoryKib">Memory in KiB, 19456..1048576.</param>
/// <param name="Iterations">Passes over the memory, 1..16.</param>
/// <param name="Parallelism">Lanes, 1..16.</param>
public sealed record StretchingCost(int MemoryKib, int Iterations, int Parallelism)
{
    /// <summary>64 MiB, 3 passes, 4 lanes: RFC 9106, second recommended option.</summary>
    public static StretchingCost Default { get; } = new(65536, 3, 4);

    internal StretchParameters WithSalt(ReadOnlySpan<byte> salt) => new([.. salt], MemoryKib, Iterations, Parallelism);

    internal void ThrowIfOutOfRange()
    {
        if (WithSalt(stackalloc byte[Limits.NewSaltSize]).Fault() is { } fault)
        {
            throw new ArgumentException($"stretching: {fault}");
        }
    }
}
