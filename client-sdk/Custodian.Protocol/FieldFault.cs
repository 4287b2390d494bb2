namespace Custodian.Protocol;

/// <summary>What INVALID_REQUEST tells its caller (protocol.md section 13): which field, and what it should be. Never what it was.</summary>
/// <param name="Field">The path of the field, such as <c>header.participants.index</c>.</param>
/// <param name="Expected">What the field should be, such as <c>32 bytes</c>; reads on after "should be".</param>
internal sealed record FieldFault(string Field, string Expected)
{
    /// <summary>Both in one line.</summary>
    public override string ToString() => $"{Field} should be {Expected}";
}
