using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests;

/// <summary>What somebody who holds the PIN asks the module for, past the binding's own rules. Each gives the module's answer.</summary>
internal static unsafe class PinHolder
{
    public static nuint Set(Pkcs11Session session, nuint key, nuint attribute, bool value)
    {
        using var template = new AttributeTemplate().Add(attribute, value);
        return session.Functions.SetAttributeValue(session.Handle, key, template.Pointer, template.Count);
    }

    public static nuint Copy(Pkcs11Session session, nuint key, AttributeTemplate template)
    {
        nuint copy;
        return session.Functions.CopyObject(session.Handle, key, template.Pointer, template.Count, &copy);
    }

    public static nuint StartDecrypting(Pkcs11Session session, nuint key, nuint mechanismType)
    {
        var iv = stackalloc byte[16];
        var mechanism = new CkMechanism { Mechanism = mechanismType, Parameter = iv, ParameterLength = mechanismType == 0x1081 ? 0u : 16u };
        return session.Functions.DecryptInit(session.Handle, &mechanism, key);
    }

    public static nuint Unwrap(Pkcs11Session session, nuint mechanismType, nuint wrap, byte[] wrapped, AttributeTemplate template)
    {
        nuint key;
        var mechanism = new CkMechanism { Mechanism = mechanismType };
        fixed (byte* input = wrapped)
        {
            return session.Functions.UnwrapKey(
                session.Handle, &mechanism, wrap, input, (nuint)wrapped.Length, template.Pointer, template.Count, &key);
        }
    }

    public static nuint Wrap(Pkcs11Session session, nuint mechanismType, nuint wrap, nuint key)
    {
        var output = stackalloc byte[1024];
        nuint length = 1024;
        var mechanism = new CkMechanism { Mechanism = mechanismType };
        return session.Functions.WrapKey(session.Handle, &mechanism, wrap, key, output, &length);
    }
}
