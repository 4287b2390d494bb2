using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests.Faults;

/// <summary>Every return value that has a class, and some that have none.</summary>
internal static class ErrorCodes
{
    internal const nuint DeviceRemoved = 0x32;
    internal const nuint TokenNotPresent = 0xE0;
    internal const nuint SessionCount = 0xB1;

    internal static IReadOnlyDictionary<HsmErrorClass, nuint[]> ByClass { get; } = new Dictionary<HsmErrorClass, nuint[]>
    {
        [HsmErrorClass.Session] = [0x90, 0x91, 0xB0, SessionCount, 0xB3],
        [HsmErrorClass.Login] = [0x101],
        [HsmErrorClass.Handle] = [0x60, 0x82, 0xF0, 0x113],
        [HsmErrorClass.Data] = [0x20, 0x21, 0x40, 0x41, 0x62, 0x63, 0x71, 0xC0, 0xC1, 0x110, 0x112],
        [HsmErrorClass.Ambiguous] = [0x5, 0x6],
        [HsmErrorClass.Fatal] = [0x2, 0x30, 0x31, DeviceRemoved, TokenNotPresent, 0xE1, 0x190, 0x54, 0x68, 0x70, 0x80000001],
        [HsmErrorClass.Pin] = [0xA0, 0xA1, 0xA2, 0xA3, 0xA4],
    };

    internal static IEnumerable<nuint> All => ByClass.Values.SelectMany(codes => codes);

    internal static HsmErrorClass ClassOf(nuint code) => ByClass.Single(pair => pair.Value.Contains(code)).Key;

    /// <summary>A code in words, for the message of a test that fails.</summary>
    internal static string Say(nuint code) => ReturnValue.Describe(code);
}
