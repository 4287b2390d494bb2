using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Custodian.EndToEnd.Tests.Secrets;

/// <summary>Bytes that no chance repeats, and what they are.</summary>
internal sealed record Mark(string Name, byte[] Bytes);

/// <summary>A piece of a mark where it was found.</summary>
internal sealed record Sighting(string Mark, int Offset, string Place)
{
    public override string ToString() => $"{Mark} from byte {Offset}, in {Place}";
}

/// <summary>
/// Looks for many marks in one pass, whole or in part: a mark is cut into pieces of 16 bytes, one from every 8th byte, so that every run of
/// 23 of its bytes holds one.
/// </summary>
internal sealed class MarkSearch
{
    /// <summary>Bytes of a piece. Adjoining chunks of what is searched overlap by one less.</summary>
    internal const int Piece = 16;

    private const int Step = 8;
    private const int MostSightings = 20;

    private readonly bool[] _starts = new bool[1 << 16];
    private readonly Dictionary<UInt128, (string Mark, int Offset)> _pieces = [];
    private readonly List<Sighting> _sightings = [];

    internal MarkSearch(IEnumerable<Mark> marks)
    {
        foreach (Mark mark in marks)
        {
            for (int at = 0; at + Piece <= mark.Bytes.Length; at += Step)
            {
                Add(mark, at);
            }

            Add(mark, mark.Bytes.Length - Piece);
        }
    }

    /// <summary>Where they were seen; the first few.</summary>
    internal IReadOnlyList<Sighting> Sightings => _sightings;

    /// <summary>Which marks were seen.</summary>
    internal IEnumerable<string> Seen => _sightings.Select(s => s.Mark).Distinct();

    /// <summary>How many bytes were searched.</summary>
    internal long Searched { get; private set; }

    /// <summary>Searches bytes; <paramref name="place"/> is asked where they are only when something is in them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Look(ReadOnlySpan<byte> bytes, Func<int, string> place)
    {
        Searched += bytes.Length;
        for (int at = 0; at <= bytes.Length - Piece; at++)
        {
            ushort start = BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
            if (start == 0)
            {
                // Most of a process is zeros, and no piece begins with eight of them.
                int zeros = bytes[at..].IndexOfAnyExcept((byte)0);
                at = zeros < 0 ? bytes.Length : at + Math.Max(zeros - (Piece / 2) + 1, 0);
                if (at > bytes.Length - Piece)
                {
                    return;
                }

                start = BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
            }

            if (_starts[start] && _pieces.TryGetValue(BinaryPrimitives.ReadUInt128LittleEndian(bytes[at..]), out var piece))
            {
                Note(new Sighting(piece.Mark, piece.Offset, place(at)));
            }
        }
    }

    // A mark that is everywhere must not crowd out the others.
    private void Note(Sighting sighting)
    {
        if (_sightings.Count(s => s.Mark == sighting.Mark) < MostSightings)
        {
            _sightings.Add(sighting);
        }
    }

    private void Add(Mark mark, int at)
    {
        ReadOnlySpan<byte> piece = mark.Bytes.AsSpan(at, Piece);
        Assert.NotEqual(0UL, BinaryPrimitives.ReadUInt64LittleEndian(piece));
        _starts[BinaryPrimitives.ReadUInt16LittleEndian(piece)] = true;
        _pieces.TryAdd(BinaryPrimitives.ReadUInt128LittleEndian(piece), (mark.Name, at));
    }
}
