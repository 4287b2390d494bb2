namespace Custodian.Pkcs11;

/// <summary>A token as its module describes it, padding removed.</summary>
/// <param name="Label">The label it was initialised with, empty before.</param>
/// <param name="Serial">The serial number.</param>
/// <param name="Manufacturer">Who made it.</param>
/// <param name="Model">What it is.</param>
/// <param name="Initialised">Whether it was initialised; one that was not is a free slot.</param>
public sealed record TokenDescription(string Label, string Serial, string Manufacturer, string Model, bool Initialised);
