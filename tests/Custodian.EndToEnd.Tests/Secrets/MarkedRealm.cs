using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Custodian.EndToEnd.Tests.Harness;

namespace Custodian.EndToEnd.Tests.Secrets;

/// <summary>
/// Three real nodes behind taps, and a device with a marked key and a marked secret that has enrolled, recovered, and mistyped once. It
/// still holds what it recovered.
/// </summary>
public sealed class MarkedRealm : IAsyncLifetime
{
    private readonly List<Tap> _taps = [];

    internal Realm Realm { get; private set; } = null!;

    internal DeviceProcess Device { get; private set; } = null!;

    internal Insider Insider { get; private set; } = null!;

    internal IReadOnlyList<Tap> Taps => _taps;

    internal Mark Key { get; } = new("the private key", RandomNumberGenerator.GetBytes(1200));

    /// <summary>What the user types.</summary>
    internal string Typed { get; private set; } = "";

    /// <summary>The user's secret, in each of its forms.</summary>
    internal Mark[] Secret { get; private set; } = [];

    /// <summary>All that only the device may hold, while it works.</summary>
    internal Mark[] Secrets => [Key, .. Secret, .. Insider.Secrets];

    /// <summary>The files of the device's tokens.</summary>
    internal string TokenPattern { get; private set; } = "";

    /// <summary>The device's bearer tokens: their signatures, since they begin alike.</summary>
    internal Mark[] Tokens => [.. Realm.Nodes.Select(n => new Mark($"the token for {n.NodeId}", Encoding.ASCII.GetBytes(
        File.ReadAllText(TokenPattern.Replace("{node_id}", n.NodeId, StringComparison.Ordinal)).Split('.')[2])))];

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        // Whoever searches the HSM's process stops it meanwhile, for longer than an operation may take on a busy machine.
        Realm = await Realm.StartAsync(3, prepare: n => n.Reconfigure(c => ((JsonObject)c["hsm"]!)["deadline_ms"] = 600_000));
        Realm.Expected.Add("the HSM did not answer its canary");
        string subject = Realm.NewSubject();
        TokenPattern = Realm.WriteTokens(subject);
        (Typed, Secret) = Insider.NewSecret();
        _taps.AddRange(Realm.Nodes.Select(n => Tap.InFrontOf(n, Realm.CaFile)));
        Device = await DeviceProcess.StartAsync(TappedSet(), TokenPattern, Directory.CreateDirectory(Realm.NewFile("device-tmp")).FullName);
        await Device.TakeKeyAsync(Key.Bytes);
        await Device.TakeSecretAsync(Typed);
        await Device.EnrolAsync();
        await Device.RecoverAsync();
        await Device.GuessWronglyAsync();
        Insider = await Insider.LearnAsync(Realm, subject, Typed);
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        await Device.DisposeAsync();
        foreach (Tap tap in _taps)
        {
            await tap.DisposeAsync();
        }

        await Realm.DisposeAsync();
    }

    /// <summary>The set with the taps in the nodes' places.</summary>
    private string TappedSet()
    {
        JsonNode set = JsonNode.Parse(File.ReadAllText(Realm.SetFile))!;
        foreach ((Tap tap, int i) in _taps.Select((t, i) => (t, i)))
        {
            set["nodes"]![i]!["address"] = tap.Address;
        }

        string file = Path.Combine(Realm.Folder, "tapped.json");
        File.WriteAllText(file, set.ToJsonString());
        return file;
    }
}
