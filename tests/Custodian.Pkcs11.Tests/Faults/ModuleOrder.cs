using System.Globalization;
using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests.Faults;

/// <summary>What a test wants of the module of another process, as a file holds it.</summary>
/// <param name="Function">Which function; null for all of them but C_CloseSession.</param>
/// <param name="ReturnValue">What it answers; null for never.</param>
/// <param name="Times">How often.</param>
/// <param name="LosesLogin">Whether the process is logged out of its token first.</param>
internal sealed record ModuleOrder(Function? Function, nuint? ReturnValue, int Times = int.MaxValue, bool LosesLogin = false)
{
    /// <summary>Gives the order. It is carried out from the first call that the process makes afterwards.</summary>
    internal void Give(string file)
    {
        string[] words =
        [
            Function?.ToString() ?? "-", ReturnValue?.ToString(CultureInfo.InvariantCulture) ?? "-", Times.ToString(CultureInfo.InvariantCulture), LosesLogin.ToString(),
        ];
        File.WriteAllText(file + ".new", string.Join(' ', words));
        File.Move(file + ".new", file);
    }

    /// <summary>Takes the order that was given, if one was.</summary>
    internal static ModuleOrder? Take(string file)
    {
        if (!File.Exists(file))
        {
            return null;
        }
        var words = File.ReadAllText(file).Split(' ');
        File.Delete(file);
        return new(
            words[0] == "-" ? null : Enum.Parse<Function>(words[0]),
            words[1] == "-" ? null : nuint.Parse(words[1], CultureInfo.InvariantCulture),
            int.Parse(words[2], CultureInfo.InvariantCulture),
            bool.Parse(words[3]));
    }

    internal bool IsFor(Function called) => Function is { } one ? called == one : called != Binding.Function.CloseSession;
}
