using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Secrets;

/// <summary>A process that is an app with the SDK, and does one step when it is told to.</summary>
internal sealed class DeviceProcess : IAsyncDisposable
{
    private readonly Socket _orders;

    private DeviceProcess(ChildProcess process, Socket orders) => (Process, _orders) = (process, orders);

    internal ChildProcess Process { get; }

    /// <param name="setFile">The set it knows.</param>
    /// <param name="tokenPattern">Its tokens.</param>
    /// <param name="folder">An empty folder for its temporary files.</param>
    internal static async Task<DeviceProcess> StartAsync(string setFile, string tokenPattern, string folder)
    {
        string path = Path.Combine(Path.GetTempPath(), $"device-{Guid.NewGuid():n}");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        try
        {
            ChildProcess process = ChildProcess.Start(
                Programs.Device, [setFile, tokenPattern, path], new Dictionary<string, string> { ["TMPDIR"] = folder });
            return new DeviceProcess(process, await listener.AcceptAsync().WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System));
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Gives it a private key to hold.</summary>
    internal Task TakeKeyAsync(byte[] key) => TellAsync('k', key);

    /// <summary>Gives it what the user typed.</summary>
    internal Task TakeSecretAsync(string secret) => TellAsync('s', MemoryMarshal.AsBytes(secret.AsSpan()).ToArray());

    /// <summary>Gives it any bytes to hold, as a program does that keeps what it should not.</summary>
    internal Task HoldAsync(byte[] bytes) => TellAsync('h', bytes);

    internal Task EnrolAsync() => TellAsync('e');

    internal Task RecoverAsync() => TellAsync('r');

    internal Task GuessWronglyAsync() => TellAsync('w');

    /// <summary>Disposes every result and client, and zeroes what the app itself was given.</summary>
    internal Task DisposeAllAsync() => TellAsync('d');

    /// <summary>Has the collector move and free what it can.</summary>
    internal Task CollectAsync() => TellAsync('g');

    public async ValueTask DisposeAsync()
    {
        _orders.Dispose();
        await Process.DisposeAsync();
    }

    private async Task TellAsync(char verb, byte[]? bytes = null)
    {
        byte[] head = [(byte)verb, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(1), bytes?.Length ?? 0);
        await _orders.SendAsync((byte[])[.. head, .. bytes ?? []]);
        byte[] answer = new byte[1];
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2), TimeProvider.System);
        int read = await _orders.ReceiveAsync(answer, patience.Token);
        Assert.True(
            read == 1 && answer[0] == 'y',
            $"the device answers '{Encoding.ASCII.GetString(answer, 0, read)}' to '{verb}': {Process.Error.SoFar}");
    }
}
