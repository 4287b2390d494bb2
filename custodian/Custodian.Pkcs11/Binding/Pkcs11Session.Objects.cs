namespace Custodian.Pkcs11.Binding;

internal sealed unsafe partial class Pkcs11Session
{
    /// <summary>
    /// Finds at most eight objects: whoever looks wants one, and must notice a second. A failure leaves the search active, and the
    /// session good for nothing but closing.
    /// </summary>
    public nuint[] Find(AttributeTemplate template)
    {
        var found = stackalloc nuint[8];
        nuint count;
        var rv = functions.FindObjectsInit(handle, template.Pointer, template.Count);
        GC.KeepAlive(template);
        Check(rv, "C_FindObjectsInit");
        Check(functions.FindObjects(handle, found, 8, &count), "C_FindObjects");
        Check(functions.FindObjectsFinal(handle), "C_FindObjectsFinal");
        return new ReadOnlySpan<nuint>(found, (int)count).ToArray();
    }

    /// <summary>Finds every object that fits. A failure leaves the search active, as in <see cref="Find"/>.</summary>
    public List<nuint> FindAll(AttributeTemplate template)
    {
        const int room = 64;
        var some = stackalloc nuint[room];
        List<nuint> found = [];
        nuint count;
        var rv = functions.FindObjectsInit(handle, template.Pointer, template.Count);
        GC.KeepAlive(template);
        Check(rv, "C_FindObjectsInit");
        do
        {
            Check(functions.FindObjects(handle, some, room, &count), "C_FindObjects");
            found.AddRange(new ReadOnlySpan<nuint>(some, (int)count));
        }
        while (count > 0);
        Check(functions.FindObjectsFinal(handle), "C_FindObjectsFinal");
        return found;
    }

    public nuint Create(AttributeTemplate template)
    {
        nuint created;
        var rv = functions.CreateObject(handle, template.Pointer, template.Count, &created);
        GC.KeepAlive(template);
        Check(rv, "C_CreateObject");
        return created;
    }

    public nuint Copy(nuint source, AttributeTemplate template)
    {
        nuint copy;
        var rv = functions.CopyObject(handle, source, template.Pointer, template.Count, &copy);
        GC.KeepAlive(template);
        Check(rv, "C_CopyObject");
        return copy;
    }

    public void Destroy(nuint target) => Check(functions.DestroyObject(handle, target), "C_DestroyObject");

    /// <summary>Asks the module to change an attribute; false when it refuses.</summary>
    public bool TrySet(nuint target, AttributeTemplate template)
    {
        var rv = functions.SetAttributeValue(handle, target, template.Pointer, template.Count);
        GC.KeepAlive(template);
        return rv == ReturnValue.Ok;
    }

    /// <summary>Set when an object could not be destroyed: the session must be closed, which destroys it.</summary>
    public bool Spoilt { get; private set; }

    /// <summary>Destroys an object whose operation is over, and spoils the session rather than hide how the operation ended.</summary>
    public void Discard(nuint target) => Spoilt |= functions.DestroyObject(handle, target) != ReturnValue.Ok;

    /// <summary>An attribute's bytes.</summary>
    /// <returns>How many there are; -1 when the object has no such attribute, does not show it, or has more than there is room for.</returns>
    public int Read(nuint source, nuint attribute, Span<byte> destination)
    {
        fixed (byte* value = destination)
        {
            var query = new CkAttribute { Type = attribute, Value = value, ValueLength = (nuint)destination.Length };
            var rv = functions.GetAttributeValue(handle, source, &query, 1);
            if (rv is ReturnValue.AttributeSensitive or ReturnValue.AttributeTypeInvalid or ReturnValue.BufferTooSmall)
            {
                return -1;
            }
            Check(rv, "C_GetAttributeValue");
            return query.ValueLength == Ck.UnavailableInformation ? -1 : (int)query.ValueLength;
        }
    }

    /// <summary>How long an attribute is; -1 when the object has no such attribute or does not say.</summary>
    public long LengthOf(nuint source, nuint attribute)
    {
        var query = new CkAttribute { Type = attribute, Value = null, ValueLength = 0 };
        var rv = functions.GetAttributeValue(handle, source, &query, 1);
        if (rv is ReturnValue.AttributeSensitive or ReturnValue.AttributeTypeInvalid)
        {
            return -1;
        }
        Check(rv, "C_GetAttributeValue");
        return query.ValueLength == Ck.UnavailableInformation ? -1 : (long)query.ValueLength;
    }

    /// <summary>A CK_BBOOL attribute; null when the object has none or does not show it.</summary>
    public bool? ReadFlag(nuint source, nuint attribute)
    {
        Span<byte> value = stackalloc byte[1];
        return Read(source, attribute, value) == 1 ? value[0] != 0 : null;
    }
}
