using System.Reflection;
using System.Reflection.Emit;

namespace Custodian.Protocol.Tests;

/// <summary>
/// What the documentation of the field code promises, read off its compiled form: arithmetic on secret digits contains no conditional
/// jump, no comparison that could become one, and no array index. Loops over public lengths and exponents are not in the list.
/// </summary>
public sealed class ConstantTimeTests
{
    private const BindingFlags Declared =
        BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!)
        .ToDictionary(o => o.Value);

    // Power and its digits branch on the public exponent.
    private static readonly string[] PublicExponent = ["Power", "TimesDigit"];

    [Fact]
    public void FieldCode_EveryMethod_HasNoBranchComparisonOrIndex()
    {
        MethodBase[] methods = [.. Methods(typeof(Limb)), .. Methods(typeof(Residue<P256Field>)), .. Methods(typeof(Residue<P256Order>))];

        Assert.True(methods.Length > 30, $"only {methods.Length} methods");
        Assert.All(methods, AssertStraight);
    }

    [Fact]
    public void CurveCode_EveryMethod_HasNoBranchComparisonOrIndex()
    {
        MethodBase[] methods =
        [
            .. Methods(typeof(P256Field)), .. Methods(typeof(P256Order)), .. Methods(typeof(ProjectivePoint)), .. Methods(typeof(SimplifiedSwu)),
            typeof(P256).GetMethod("AppendBit", Declared)!, typeof(HashToCurve).GetMethod("MapAndAdd", Declared)!,
        ];

        Assert.True(methods.Length > 20, $"only {methods.Length} methods");
        Assert.All(methods, AssertStraight);
    }

    [Fact]
    public void Scan_MethodsThatBranchCompareOrIndex_FindsThem()
    {
        Assert.NotEmpty(Offences(Declaration(nameof(Branches))));
        Assert.NotEmpty(Offences(Declaration(nameof(Compares))));
        Assert.NotEmpty(Offences(Declaration(nameof(Indexes))));
        Assert.Empty(Offences(Declaration(nameof(Adds))));
    }

    private static int Branches(int a, int b) => a > b ? a * 2 : b;

    private static bool Compares(int a, int b) => a > b;

    private static int Indexes(int[] a, int b) => a[b];

    private static int Adds(int a, int b) => unchecked(a + b);

    private static void AssertStraight(MethodBase method) => Assert.True(
        Offences(method) is [], $"{method.DeclaringType}.{method.Name}: {string.Join(", ", Offences(method))}");

    private static MethodInfo Declaration(string name) => typeof(ConstantTimeTests).GetMethod(name, Declared)!;

    private static IEnumerable<MethodBase> Methods(Type type) =>
        type.GetMethods(Declared).Where(m => m.GetMethodBody() is not null && !PublicExponent.Contains(m.Name));

    private static List<string> Offences(MethodBase method) =>
        [.. Instructions(method.GetMethodBody()!.GetILAsByteArray()!).Where(IsOffence).Select(o => o.Name!)];

    private static bool IsOffence(OpCode op) =>
        op.FlowControl == FlowControl.Cond_Branch
        || op.Name!.StartsWith("ceq", StringComparison.Ordinal)
        || op.Name.StartsWith("cgt", StringComparison.Ordinal)
        || op.Name.StartsWith("clt", StringComparison.Ordinal)
        || op.Name.StartsWith("ldelem", StringComparison.Ordinal)
        || op.Name.StartsWith("stelem", StringComparison.Ordinal);

    private static IEnumerable<OpCode> Instructions(byte[] il)
    {
        int at = 0;
        while (at < il.Length)
        {
            short value = il[at] == 0xfe ? unchecked((short)(0xfe00 | il[at + 1])) : il[at];
            OpCode op = OpCodesByValue[value];
            yield return op;
            at += op.Size + OperandSize(op, il, at + op.Size);
        }
    }

    private static int OperandSize(OpCode op, byte[] il, int at) => op.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
        _ => 4,
    };
}
