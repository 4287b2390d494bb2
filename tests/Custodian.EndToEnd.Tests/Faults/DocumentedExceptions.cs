using System.Xml.Linq;
using Custodian.Client;

namespace Custodian.EndToEnd.Tests.Faults;

/// <summary>What a method of the SDK may throw, as its documentation says: read from the XML that is built beside the SDK.</summary>
internal static class DocumentedExceptions
{
    private const string Namespace = "Custodian.Client.";

    private static readonly Dictionary<string, XElement> Members = XDocument
        .Load(Path.ChangeExtension(typeof(CustodianClient).Assembly.Location, "xml"))
        .Descendants("member")
        .ToDictionary(m => (string)m.Attribute("name")!);

    /// <summary>What a call throws, once it is sure that its method's documentation names it; null for nothing.</summary>
    /// <param name="method">The method, by the beginning of its name in the documentation, where there are several of it.</param>
    /// <param name="call">The call.</param>
    /// <param name="also">What the situation brings beside: a call on what is disposed, one that is cancelled.</param>
    internal static async Task<Exception?> OnlyAsync<T>(string method, Func<Task<T>> call, params Type[] also)
    {
        try
        {
            ((await call()) as IDisposable)?.Dispose();
            return null;
        }
        catch (Exception thrown)
        {
            string[] beginnings = [$"M:{Namespace}{method}(", $"M:{Namespace}{method},"];
            XElement member = Members.Single(m => beginnings.Any(b => m.Key.StartsWith(b, StringComparison.Ordinal))).Value;
            string[] named = [.. NamedBy(member)];
            Assert.True(
                also.Any(t => t.IsInstanceOfType(thrown)) || KindsOf(thrown).Any(named.Contains),
                $"seed {Effort.Seed}: {method} threw what it does not document: {thrown}");
            return thrown;
        }
    }

    private static IEnumerable<string> NamedBy(XElement member) => member.Elements("exception").Select(e => (string)e.Attribute("cref")!)
        .Concat(member.Elements("inheritdoc")
            .Where(i => (string?)i.Attribute("path") == "/exception")
            .SelectMany(i => NamedBy(Members[(string)i.Attribute("cref")!])));

    private static IEnumerable<string> KindsOf(Exception thrown)
    {
        for (Type? type = thrown.GetType(); type is not null; type = type.BaseType)
        {
            yield return $"T:{type.FullName}";
        }
    }
}
