namespace Custodian.Protocol;

/// <summary>The form that set and node names share (protocol.md section 3).</summary>
internal static class DnsLikeName
{
    /// <summary>The longest name, in characters.</summary>
    internal const int MaxLength = 63;

    /// <summary>What the form is, for messages to people.</summary>
    internal const string Form = "1 to 63 characters of a-z, 0-9, '.' and '-', first and last a letter or digit";

    /// <summary>Whether <paramref name="text"/> matches <c>[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?</c>.</summary>
    internal static bool IsValid(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || text.Length > MaxLength || !IsLetterOrDigit(text[0]) || !IsLetterOrDigit(text[^1]))
        {
            return false;
        }

        foreach (char c in text)
        {
            if (!IsLetterOrDigit(c) && c is not ('.' or '-'))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsLetterOrDigit(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');
}
