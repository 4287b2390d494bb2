using System.Collections.Immutable;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// Which of the held records their owners let replace which (protocol.md section 14), directly or through records in between that are held
/// too. Each pair of records is looked at once, however the nodes that show them have tied them together. Not thread-safe.
/// </summary>
internal sealed class Succession(ImmutableArray<HeldRecord> held)
{
    private readonly Dictionary<(HeldRecord Newer, HeldRecord Older), bool> _signed = new(SamePair.Instance);
    private readonly Dictionary<HeldRecord, HashSet<HeldRecord>> _replaced = new(ReferenceEqualityComparer.Instance);

    /// <summary>Whether the older record's owner let the candidate take its place.</summary>
    internal bool Replaces(HeldRecord candidate, HeldRecord older)
    {
        if (!_replaced.TryGetValue(candidate, out HashSet<HeldRecord>? replaced))
        {
            _replaced[candidate] = replaced = Reach(candidate);
        }

        return replaced.Contains(older);
    }

    private HashSet<HeldRecord> Reach(HeldRecord candidate)
    {
        HashSet<HeldRecord> reached = new(ReferenceEqualityComparer.Instance);
        Queue<HeldRecord> waiting = new([candidate]);
        while (waiting.TryDequeue(out HeldRecord? newer))
        {
            foreach (HeldRecord older in held.Where(r => r.Header.Generation < newer.Header.Generation && !reached.Contains(r)))
            {
                if (IsSigned(newer, older))
                {
                    reached.Add(older);
                    waiting.Enqueue(older);
                }
            }
        }

        return reached;
    }

    private bool IsSigned(HeldRecord newer, HeldRecord older)
    {
        if (!_signed.TryGetValue((newer, older), out bool signed))
        {
            _signed[(newer, older)] = signed = IsSignedBy(newer, older);
        }

        return signed;
    }

    private static bool IsSignedBy(HeldRecord newer, HeldRecord older)
    {
        Header header = newer.Header;
        byte[] body = SignatureBody.Replace(header.Hash.Span);
        return newer.Sightings.Any(s => !s.ReplaceSignature.IsEmpty && OwnerSignature.Verify(
            older.Header.OwnerPublicKey.Span,
            OwnerSignature.Message(SignaturePurpose.Replace, s.Node, header.AccountId, header.RecordId, body),
            s.ReplaceSignature.Span));
    }

    /// <summary>Records compare by their sightings too, which would cost more than a signature; here each is one object.</summary>
    private sealed class SamePair : IEqualityComparer<(HeldRecord Newer, HeldRecord Older)>
    {
        internal static readonly SamePair Instance = new();

        public bool Equals((HeldRecord Newer, HeldRecord Older) x, (HeldRecord Newer, HeldRecord Older) y) =>
            ReferenceEquals(x.Newer, y.Newer) && ReferenceEquals(x.Older, y.Older);

        public int GetHashCode((HeldRecord Newer, HeldRecord Older) pair) =>
            HashCode.Combine(ReferenceEqualityComparer.Instance.GetHashCode(pair.Newer), ReferenceEqualityComparer.Instance.GetHashCode(pair.Older));
    }
}
