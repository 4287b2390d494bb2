using Custodian.Protocol;

namespace Custodian.Client.Tests;

/// <summary>A device that dies in a change of the secret from "old" to "new", and which secrets recover afterwards.</summary>
internal static class DyingDevice
{
    /// <summary>The key that is enrolled.</summary>
    internal static byte[] Key { get; } = RepeatableBytes.Of("private key", 64);

    /// <summary>After that many calls of the step have taken effect, no call reaches any node.</summary>
    private static void DieAt(this ScriptedSet set, string step, int calls)
    {
        int made = 0;
        bool isDead = false;
        Lock counting = new();
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (method, _) =>
            {
                lock (counting)
                {
                    isDead |= method == step && made++ >= calls;
                    return isDead ? throw RefusedCall.Because(RefusalReason.StorageUnavailable) : Task.CompletedTask;
                }
            };
        }
    }

    internal static void Heal(this ScriptedSet set)
    {
        foreach (ScriptedNode node in set.Nodes)
        {
            node.Script.Before = (_, _) => Task.CompletedTask;
        }
    }

    /// <summary>The key is enrolled under "old", and the device dies in a change to "new"; the nodes are well again afterwards.</summary>
    internal static async Task EnrolAndDieInAChangeAsync(this ScriptedSet set, string step, int calls)
    {
        (await set.EnrolAsync(Key, "old")).Dispose();
        set.DieAt(step, calls);
        await set.ChangeOnADyingDeviceAsync();
        set.Heal();
    }

    private static async Task ChangeOnADyingDeviceAsync(this ScriptedSet set)
    {
        try
        {
            using EnrollResult changed = await set.NewClient(o => o.MaxRetries = 0).ChangeSecretAsync("old", "new");
        }
        catch (CustodyException)
        {
            // What the nodes hold afterwards is what the test is about.
        }
    }

    internal static async Task<List<string>> WorkingSecretsAsync(this ScriptedSet set, params string[] secrets)
    {
        List<string> working = [];
        foreach (string secret in secrets)
        {
            try
            {
                using RecoverResult recovered = await set.NewClient().RecoverAsync(secret);
                await recovered.Settlement;
                Assert.True(recovered.PrivateKey.FixedTimeEquals(Key));
                working.Add(secret);
            }
            catch (WrongSecretException)
            {
                // This one lost.
            }
        }

        return working;
    }
}
