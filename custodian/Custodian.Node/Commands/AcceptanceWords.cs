using Custodian.Node.Storage;

namespace Custodian.Node.Commands;

/// <summary>The operator's word for what a copy has forgotten: typed as they stand, so that nobody gives it by a habitual yes.</summary>
internal static class AcceptanceWords
{
    /// <summary>Whether the words were given on the command line, or are typed now; otherwise says what they are.</summary>
    internal static bool AreGiven(string? given, Restoration restoration)
    {
        if ((given ?? Ask(restoration)) == restoration.Words)
        {
            return true;
        }

        Terminal.Error(
            $"{(given is null ? "the words were not given" : "these are not the words")}, and nothing was changed; what is meant: this copy knows nothing of "
            + $"what happened after {Restoration.Said(restoration.BehindMs)}. Whoever guessed at a secret since then may guess once more at this node. "
            + $"If you accept that, say --accept \"{restoration.Words}\"");
        return false;
    }

    private static string? Ask(Restoration restoration)
    {
        if (Console.IsInputRedirected)
        {
            return null;
        }

        Console.Error.WriteLine($"This copy knows nothing of what happened after {Restoration.Said(restoration.BehindMs)}.");
        Console.Error.WriteLine("Whoever guessed at a secret since then may guess once more at this node. To accept that, type:");
        Console.Error.WriteLine($"  {restoration.Words}");
        Console.Error.Write("> ");
        return Console.In.ReadLine()?.Trim();
    }
}
