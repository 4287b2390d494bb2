using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Custodian.Client;

namespace Custodian.Device;

/// <summary>The app. It treats its own copies of secrets as the SDK's documentation asks: zeroed after use, in no string.</summary>
internal sealed class App(string setFile, string tokenPattern) : IAsyncDisposable
{
    private readonly List<byte[]> _held = [];
    private readonly List<IDisposable> _results = [];
    private readonly List<CustodianClient> _clients = [];
    private byte[] _key = [];
    private byte[] _secret = [];

    /// <summary>Does one step; 'y' for done, 'n' where what came is not what was enrolled.</summary>
    internal async Task<char> ObeyAsync(Order order)
    {
        switch (order.Verb)
        {
            case 'k': _key = Hold(order.Bytes); return 'y';
            case 's': _secret = Hold(order.Bytes); return 'y';
            case 'h': Hold(order.Bytes); return 'y';
            case 'e': return await EnrolAsync();
            case 'r': return await RecoverAsync();
            case 'w': return await GuessWronglyAsync();
            case 'd': await DisposeAsync(); return 'y';
            case 'g': Collect(); return 'y';
            default: return '?';
        }
    }

    public async ValueTask DisposeAsync()
    {
        _results.ForEach(r => r.Dispose());
        foreach (CustodianClient client in _clients)
        {
            await client.DisposeAsync();
        }

        _held.ForEach(b => CryptographicOperations.ZeroMemory(b));
        _results.Clear();
        _clients.Clear();
        _held.Clear();
    }

    private static void Collect()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private static ReadOnlySpan<char> Text(byte[] secret) => MemoryMarshal.Cast<byte, char>(secret);

    private byte[] Hold(byte[] bytes)
    {
        _held.Add(bytes);
        return bytes;
    }

    private async Task<char> EnrolAsync()
    {
        EnrollResult enrolled = await NewClient().EnrollAsync(_key, Text(_secret));
        _results.Add(enrolled);
        return enrolled.IsComplete ? 'y' : 'n';
    }

    private async Task<char> RecoverAsync()
    {
        using RecoverySession session = await NewClient().PrepareRecoveryAsync();
        RecoverResult recovered = await session.RecoverAsync(Text(_secret));
        _results.Add(recovered);
        await recovered.Settlement;
        return recovered.PrivateKey.FixedTimeEquals(_key) ? 'y' : 'n';
    }

    private async Task<char> GuessWronglyAsync()
    {
        try
        {
            using RecoverResult recovered = await NewClient().RecoverAsync("not it");
            return 'n';
        }
        catch (WrongSecretException)
        {
            return 'y';
        }
    }

    private CustodianClient NewClient()
    {
        var client = new CustodianClient(CustodianSet.Load(setFile), new CustodianClientOptions
        {
            Token = async (node, cancellation) =>
                await File.ReadAllTextAsync(tokenPattern.Replace("{node_id}", node.Value, StringComparison.Ordinal), cancellation),
            Stretching = new StretchingCost(19456, 1, 1),
        });
        _clients.Add(client);
        return client;
    }
}
