using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary>
/// A change of one of the node's keys that a person is asked about. Nobody else is at the keys meanwhile, but for the time that the
/// person takes: a backup that is due must not wait for an answer. So what was seen before the question is looked for anew after it.
/// </summary>
internal static class KeyChange
{
    /// <summary>What a look came to.</summary>
    /// <param name="Key">The key to change; null where it cannot be, which the look has said.</param>
    /// <param name="List">The list of the node's keys that goes with it.</param>
    /// <param name="Status">The exit status where there is no key.</param>
    internal sealed record Found(TokenKey? Key, KeyList List, int Status)
    {
        internal static Found Of(TokenKey key, KeyList list) => new(key, list, ExitCode.Done);

        internal static Found Nothing(int status) => new(null, KeyList.Empty, status);
    }

    /// <summary>Looks, asks, looks again, and does it.</summary>
    /// <param name="configuration">Of the node.</param>
    /// <param name="isAnswered">Whether the command line said yes: then nobody is asked.</param>
    /// <param name="look">Finds the key, or says why there is none to change.</param>
    /// <param name="ask">Asks the person; false when the answer is no.</param>
    /// <param name="change">Changes the key.</param>
    /// <returns>The exit status.</returns>
    /// <exception cref="NodeStartException">Another command is at the keys.</exception>
    internal static async Task<int> RunAsync(
        NodeConfiguration configuration, bool isAnswered, Func<Task<Found>> look, Func<TokenKey, bool> ask, Func<Found, Task> change)
    {
        TokenKey? asked = null;
        if (!isAnswered)
        {
            Found before = await LookAsync(configuration, look);
            if (before.Key is null)
            {
                return before.Status;
            }

            if (!ask(before.Key))
            {
                return ExitCode.Usage;
            }

            asked = before.Key;
        }

        using KeyLock alone = KeyLock.Take(configuration);
        Found found = await look();
        if (found.Key is null)
        {
            return found.Status;
        }

        if (asked is not null && asked != found.Key)
        {
            Terminal.Error($"{TokenKeys.LabelOf(found.Key)} is another key than when you were asked, {KeyStanding.IdentityOf(found.Key)}; nothing was changed");
            return ExitCode.Failed;
        }

        await change(found);
        return ExitCode.Done;
    }

    private static async Task<Found> LookAsync(NodeConfiguration configuration, Func<Task<Found>> look)
    {
        using KeyLock alone = KeyLock.Take(configuration);
        return await look();
    }
}
