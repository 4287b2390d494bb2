using Custodian.Pkcs11.Sealing;

namespace Custodian.Pkcs11;

/// <summary>
/// Where the keys of a node's records are evaluated. Chosen when the node is made and never afterwards: every blob that the HSM seals says
/// it in its authenticated header, and opens in its own mode only.
/// </summary>
public enum EvaluationMode : byte
{
    /// <summary>In the HSM. A record's key is made there, and comes out wrapped under a key that does not leave it.</summary>
    Hsm = 1,

    /// <summary>
    /// In the memory of the process that holds the module, for modules that derive no raw x-coordinate. A record's key comes out sealed by
    /// the HSM, and lies in the clear there for the time of one evaluation.
    /// </summary>
    Memory = 2,
}

/// <summary>What is common to both modes.</summary>
public static class EvaluationModes
{
    /// <summary>Both.</summary>
    public static IReadOnlyList<EvaluationMode> All { get; } = [EvaluationMode.Hsm, EvaluationMode.Memory];

    /// <summary>The mode in words, as in "this node evaluates …".</summary>
    /// <param name="mode">The mode.</param>
    public static string Words(this EvaluationMode mode) => mode == EvaluationMode.Memory ? "in memory" : "in the HSM";

    /// <summary>The mode that a sealed blob says it is of. Authentic once the blob has opened, and not before.</summary>
    /// <param name="blob">The blob, or its first bytes.</param>
    /// <param name="mode">The mode.</param>
    /// <returns>false for bytes that no blob begins with.</returns>
    public static bool TryRead(ReadOnlySpan<byte> blob, out EvaluationMode mode)
    {
        foreach (var each in All)
        {
            if (BlobHeader.IsOf(each, blob))
            {
                mode = each;
                return true;
            }
        }
        mode = default;
        return false;
    }
}
