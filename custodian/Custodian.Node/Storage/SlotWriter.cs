using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>
/// Keeps the sealed parts where nothing copies them: rows are appended or overwritten in place with the same length, so that the only
/// copy in the database file is the row itself. One thread at a time.
/// </summary>
internal sealed class SlotWriter(SqliteConnection connection) : IDisposable
{
    private readonly Statement _append = new(connection, "INSERT INTO sealed_parts (part) VALUES (?1)");
    private readonly Statement _overwrite = new(connection, "UPDATE sealed_parts SET part = ?2 WHERE slot = ?1");
    // Only a slot that is what a free one is: the list alone, edited, could have another record's part overwritten.
    private readonly Statement _find = new(
        connection, "SELECT f.slot FROM free_slots f JOIN sealed_parts s ON s.slot = f.slot WHERE f.size = ?1 AND s.part = zeroblob(?1) LIMIT 1");
    private readonly Statement _take = new(connection, "DELETE FROM free_slots WHERE slot = ?1");
    private readonly Statement _give = new(connection, "INSERT INTO free_slots (slot, size) VALUES (?1, ?2)");

    /// <summary>Stores a sealed part in a free slot of its size, or in a new one.</summary>
    /// <returns>The slot.</returns>
    internal long Fill(ReadOnlySpan<byte> part)
    {
        byte[] padded = SealedSlot.Pad(part);
        if (FindFree(padded.Length) is not { } slot)
        {
            return _append.Write(padded);
        }

        _take.Write(slot);
        _overwrite.Write(slot, padded);
        return slot;
    }

    /// <summary>
    /// Overwrites a sealed part with the same under another key, where it lies: nothing of the old one stays in the file, and in the
    /// write-ahead log it is one more that is gone when that is truncated.
    /// </summary>
    internal void Replace(long slot, ReadOnlySpan<byte> former, ReadOnlySpan<byte> part)
    {
        byte[] padded = SealedSlot.Pad(part);
        if (padded.Length != SealedSlot.Pad(former).Length)
        {
            throw new InvalidOperationException("a sealed part is exchanged for one of its size only");
        }

        _overwrite.Write(slot, padded);
    }

    /// <summary>Overwrites a slot with zeros and gives it back.</summary>
    internal void Erase(long slot, ReadOnlySpan<byte> part)
    {
        int size = SealedSlot.Pad(part).Length;
        _overwrite.Write(slot, new byte[size]);
        _give.Write(slot, (long)size);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _append.Dispose();
        _overwrite.Dispose();
        _find.Dispose();
        _take.Dispose();
        _give.Dispose();
    }

    private long? FindFree(int size)
    {
        using Statement.Rows reader = _find.Query((long)size);
        return reader.Read() ? reader.Number(0) : null;
    }
}
