using System.Text;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11;

/// <summary>The tokens of a module: what there is, and a new one where the module has a free slot.</summary>
public static class Pkcs11Token
{
    /// <summary>Every token the module shows, free slots among them.</summary>
    /// <param name="modulePath">Absolute path of the module.</param>
    /// <param name="moduleParameters">As <see cref="Pkcs11HsmOptions.ModuleParameters"/>.</param>
    /// <exception cref="HsmException">The module does not load or does not initialise.</exception>
    public static IReadOnlyList<TokenDescription> List(string modulePath, string? moduleParameters = null)
    {
        using var module = Pkcs11Module.Acquire(modulePath, moduleParameters);
        return module.Slots().ConvertAll(slot => slot.Token);
    }

    /// <summary>Initialises a token in a free slot and sets its user PIN. Never touches a token that was initialised before.</summary>
    /// <remarks>A crash in between leaves a token of that label without a user PIN: it must be removed with the module's own tools.</remarks>
    /// <param name="modulePath">Absolute path of the module.</param>
    /// <param name="label">1 to 32 bytes of UTF-8, borne by no other token of the module.</param>
    /// <param name="securityOfficerPin">The security officer's PIN, which the node never needs again.</param>
    /// <param name="userPin">The PIN that the node logs in with.</param>
    /// <returns>The token, with the serial number it got.</returns>
    /// <exception cref="ArgumentException">The label is of the wrong length, or another token bears it.</exception>
    /// <exception cref="HsmException">No slot is free, or the module refused (class Pin: a PIN's length).</exception>
    public static TokenDescription Initialise(string modulePath, string label, HsmPin securityOfficerPin, HsmPin userPin)
    {
        ArgumentNullException.ThrowIfNull(securityOfficerPin);
        ArgumentNullException.ThrowIfNull(userPin);
        if (Encoding.UTF8.GetByteCount(label) is 0 or > 32)
        {
            throw new ArgumentException("A token's label is 1 to 32 bytes.", nameof(label));
        }
        using var module = Pkcs11Module.Acquire(modulePath);
        var slot = FreeSlot(module, label);
        module.InitializeToken(slot, securityOfficerPin.Bytes, label);
        SetUserPin(module, slot, securityOfficerPin, userPin);
        return module.FindSlot(label, serial: null).Token;
    }

    private static Slot FreeSlot(Pkcs11Module module, string label)
    {
        var slots = module.Slots();
        if (slots.Exists(slot => slot.Matches(label, serial: null)))
        {
            throw new ArgumentException("Another token bears this label.", nameof(label));
        }
        return slots.Find(slot => !slot.Token.Initialised)
            ?? throw new HsmException(HsmErrorClass.Fatal, 0, "C_GetSlotList", "The module has no free slot for a new token.");
    }

    private static void SetUserPin(Pkcs11Module module, Slot slot, HsmPin securityOfficerPin, HsmPin userPin)
    {
        using var session = module.OpenSession(slot, readWrite: true);
        session.Login(Ck.UserSecurityOfficer, securityOfficerPin.Bytes);
        session.InitializePin(userPin.Bytes);
        session.Logout();
    }
}
