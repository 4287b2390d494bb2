using System.Globalization;

namespace Custodian.Pkcs11.Binding;

/// <summary>CK_RV: what each value is called and what it means for the caller.</summary>
internal static class ReturnValue
{
    public const nuint Ok = 0;
    public const nuint GeneralError = 0x5;
    public const nuint AttributeSensitive = 0x11;
    public const nuint AttributeTypeInvalid = 0x12;
    public const nuint EncryptedDataInvalid = 0x40;
    public const nuint ObjectHandleInvalid = 0x82;
    public const nuint UserAlreadyLoggedIn = 0x100;
    public const nuint BufferTooSmall = 0x150;
    public const nuint CryptokiAlreadyInitialized = 0x191;

    /// <summary>
    /// The class of a value. What is in no list is Fatal: a module that answers with something this code does not know is not one to
    /// go on with.
    /// </summary>
    public static HsmErrorClass Classify(nuint value) => value switch
    {
        0x90 or 0x91 or 0xB0 or 0xB1 or 0xB3 => HsmErrorClass.Session,
        0x101 => HsmErrorClass.Login,
        0x60 or 0x82 or 0xF0 or 0x113 => HsmErrorClass.Handle,
        0x20 or 0x21 or 0x40 or 0x41 or 0x62 or 0x63 or 0x71 or 0xC0 or 0xC1 or 0x110 or 0x112 => HsmErrorClass.Data,
        0x5 or 0x6 => HsmErrorClass.Ambiguous,
        >= 0xA0 and <= 0xA4 => HsmErrorClass.Pin,
        _ => HsmErrorClass.Fatal,
    };

    public static HsmException Failure(nuint value, string function) =>
        new(Classify(value), value, function, $"{function} failed: {Describe(value)}.");

    /// <summary>The name of the standard and the number, as operators search for it: "CKR_GENERAL_ERROR (0x5)".</summary>
    public static string Describe(nuint value)
    {
        var number = "0x" + ((ulong)value).ToString("X", CultureInfo.InvariantCulture);
        return Name(value) is { } name ? $"CKR_{name} ({number})" : $"CK_RV {number}";
    }

    private static string? Name(nuint value) => value switch
    {
        0x0 => "OK",
        0x2 => "HOST_MEMORY",
        0x3 => "SLOT_ID_INVALID",
        0x5 => "GENERAL_ERROR",
        0x6 => "FUNCTION_FAILED",
        0x7 => "ARGUMENTS_BAD",
        0xA => "CANT_LOCK",
        0x10 => "ATTRIBUTE_READ_ONLY",
        0x11 => "ATTRIBUTE_SENSITIVE",
        0x12 => "ATTRIBUTE_TYPE_INVALID",
        0x13 => "ATTRIBUTE_VALUE_INVALID",
        0x1B => "ACTION_PROHIBITED",
        0x20 => "DATA_INVALID",
        0x21 => "DATA_LEN_RANGE",
        0x30 => "DEVICE_ERROR",
        0x31 => "DEVICE_MEMORY",
        0x32 => "DEVICE_REMOVED",
        0x40 => "ENCRYPTED_DATA_INVALID",
        0x41 => "ENCRYPTED_DATA_LEN_RANGE",
        0x54 => "FUNCTION_NOT_SUPPORTED",
        0x60 => "KEY_HANDLE_INVALID",
        0x62 => "KEY_SIZE_RANGE",
        0x63 => "KEY_TYPE_INCONSISTENT",
        0x68 => "KEY_FUNCTION_NOT_PERMITTED",
        0x69 => "KEY_NOT_WRAPPABLE",
        0x6A => "KEY_UNEXTRACTABLE",
        0x70 => "MECHANISM_INVALID",
        0x71 => "MECHANISM_PARAM_INVALID",
        0x82 => "OBJECT_HANDLE_INVALID",
        0x90 => "OPERATION_ACTIVE",
        0x91 => "OPERATION_NOT_INITIALIZED",
        0xA0 => "PIN_INCORRECT",
        0xA1 => "PIN_INVALID",
        0xA2 => "PIN_LEN_RANGE",
        0xA3 => "PIN_EXPIRED",
        0xA4 => "PIN_LOCKED",
        0xB0 => "SESSION_CLOSED",
        0xB1 => "SESSION_COUNT",
        0xB3 => "SESSION_HANDLE_INVALID",
        0xB5 => "SESSION_READ_ONLY",
        0xB6 => "SESSION_EXISTS",
        0xC0 => "SIGNATURE_INVALID",
        0xC1 => "SIGNATURE_LEN_RANGE",
        0xD0 => "TEMPLATE_INCOMPLETE",
        0xD1 => "TEMPLATE_INCONSISTENT",
        0xE0 => "TOKEN_NOT_PRESENT",
        0xE1 => "TOKEN_NOT_RECOGNIZED",
        0xE2 => "TOKEN_WRITE_PROTECTED",
        0xF0 => "UNWRAPPING_KEY_HANDLE_INVALID",
        0x100 => "USER_ALREADY_LOGGED_IN",
        0x101 => "USER_NOT_LOGGED_IN",
        0x102 => "USER_PIN_NOT_INITIALIZED",
        0x104 => "USER_ANOTHER_ALREADY_LOGGED_IN",
        0x110 => "WRAPPED_KEY_INVALID",
        0x112 => "WRAPPED_KEY_LEN_RANGE",
        0x113 => "WRAPPING_KEY_HANDLE_INVALID",
        0x121 => "RANDOM_NO_RNG",
        0x130 => "DOMAIN_PARAMS_INVALID",
        0x150 => "BUFFER_TOO_SMALL",
        0x190 => "CRYPTOKI_NOT_INITIALIZED",
        0x191 => "CRYPTOKI_ALREADY_INITIALIZED",
        _ => null,
    };
}
