using System.Collections.Immutable;

namespace Custodian.Protocol;

/// <summary>The parameters of Argon2id (protocol.md section 5), version 0x13, 32 bytes of output.</summary>
/// <param name="Salt">16..64 bytes.</param>
/// <param name="MemoryKib">Memory in KiB, 19456..1048576.</param>
/// <param name="Iterations">Passes over the memory, 1..16.</param>
/// <param name="Parallelism">Lanes, 1..16.</param>
internal sealed record StretchParameters(ImmutableArray<byte> Salt, int MemoryKib, int Iterations, int Parallelism)
{
    /// <summary>What a new record uses, with a new salt of 16 bytes: RFC 9106, second recommended option; 64 MiB, 3 passes, 4 lanes.</summary>
    internal static StretchParameters ForNewRecord(ReadOnlySpan<byte> salt) => new([.. salt], 65536, 3, 4);

    /// <summary>The first parameter outside the bounds of section 5, or null.</summary>
    internal FieldFault? Fault() => this switch
    {
        { Salt.IsDefault: true } or { Salt.Length: < Limits.MinSaltSize or > Limits.MaxSaltSize } =>
            new("header.kdf.salt", $"{Limits.MinSaltSize} to {Limits.MaxSaltSize} bytes"),
        { MemoryKib: < Limits.MinMemoryKib or > Limits.MaxMemoryKib } =>
            new("header.kdf.memory_kib", $"{Limits.MinMemoryKib} to {Limits.MaxMemoryKib}"),
        { Iterations: < 1 or > Limits.MaxIterations } => new("header.kdf.iterations", $"1 to {Limits.MaxIterations}"),
        { Parallelism: < 1 or > Limits.MaxParallelism } => new("header.kdf.parallelism", $"1 to {Limits.MaxParallelism}"),
        _ => null,
    };
}
