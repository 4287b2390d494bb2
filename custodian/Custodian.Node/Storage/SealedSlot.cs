using System.Buffers.Binary;

namespace Custodian.Node.Storage;

/// <summary>
/// The form in which the HSM's sealed parts lie in their table: <c>u32(length) || part || zeros</c>, up to a multiple of 256 bytes, so
/// that a slot given back fits the next record exactly and is overwritten where it lies.
/// </summary>
internal static class SealedSlot
{
    private const int Step = 256;

    internal static byte[] Pad(ReadOnlySpan<byte> part)
    {
        byte[] slot = new byte[(sizeof(uint) + part.Length + Step - 1) / Step * Step];
        BinaryPrimitives.WriteUInt32BigEndian(slot, (uint)part.Length);
        part.CopyTo(slot.AsSpan(sizeof(uint)));
        return slot;
    }

    /// <exception cref="FormatException">The bytes are no slot in use.</exception>
    internal static byte[] Unpad(ReadOnlySpan<byte> slot)
    {
        uint length = slot.Length >= sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(slot) : uint.MaxValue;
        return length <= slot.Length - sizeof(uint)
            ? slot.Slice(sizeof(uint), (int)length).ToArray()
            : throw new FormatException("a sealed part of a broken length");
    }
}
