using System.Security.Cryptography;
using System.Text;

namespace Custodian.Pkcs11.Binding;

/// <summary>
/// A CK_ATTRIBUTE array in pinned memory. Filled once, then only read, so one template serves every thread. Dispose zeroes the values;
/// only a template that holds a key value needs it.
/// </summary>
internal sealed unsafe class AttributeTemplate : IDisposable
{
    private const int MaxAttributes = 20;

    private readonly CkAttribute[] attributes = GC.AllocateArray<CkAttribute>(MaxAttributes, pinned: true);
    private readonly List<object> values = [];
    private int count;

    /// <summary>For one native call. It roots nothing: whoever passes it keeps the template alive until the call has returned.</summary>
    public CkAttribute* Pointer => (CkAttribute*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref attributes[0]);

    public nuint Count => (nuint)count;

    public AttributeTemplate Add(nuint type, bool value) => Add(type, [value ? (byte)1 : (byte)0]);

    public AttributeTemplate Add(nuint type, nuint value) => Add(type, new ReadOnlySpan<byte>(&value, sizeof(nuint)));

    public AttributeTemplate Add(nuint type, string value) => Add(type, Encoding.UTF8.GetBytes(value));

    public AttributeTemplate Add(nuint type, ReadOnlySpan<nuint> value) =>
        Add(type, System.Runtime.InteropServices.MemoryMarshal.AsBytes(value));

    public AttributeTemplate Add(nuint type, ReadOnlySpan<byte> value)
    {
        var pinned = GC.AllocateArray<byte>(Math.Max(value.Length, 1), pinned: true);
        value.CopyTo(pinned);
        values.Add(pinned);
        return Append(type, System.Runtime.CompilerServices.Unsafe.AsPointer(ref pinned[0]), (nuint)value.Length);
    }

    /// <summary>A template inside a template; its length counts bytes.</summary>
    public AttributeTemplate Add(nuint type, AttributeTemplate nested)
    {
        values.Add(nested);
        return Append(type, nested.Pointer, nested.Count * (nuint)sizeof(CkAttribute));
    }

    public void Dispose()
    {
        foreach (var value in values.OfType<byte[]>())
        {
            CryptographicOperations.ZeroMemory(value);
        }
    }

    private AttributeTemplate Append(nuint type, void* value, nuint length)
    {
        attributes[count++] = new CkAttribute { Type = type, Value = value, ValueLength = length };
        return this;
    }
}
