using Custodian.Client;

namespace Custodian.Client.Tests.Readme;

/// <summary>The README's twenty lines, compiled here; <see cref="ReadmeTests"/> holds the README to them.</summary>
internal static class TwentyLines
{
    internal static async Task RunAsync(ITokens tokens, byte[] privateKey, IScreen screen, CancellationToken cancellation)
    {
        // readme: begin
        CustodianSet custodians = CustodianSet.Load("custodians.json");
        await using CustodianClient client = new(custodians, new CustodianClientOptions { Token = (node, ct) => tokens.ForAsync(node, ct) });

        // On the first device.
        using EnrollResult enrolled = await client.EnrollAsync(privateKey, screen.NewSecret(), cancellation: cancellation);
        screen.KeepInDeviceKeyStore(enrolled.OwnerKey);

        // On a new device: connect while the user types, then one round trip from the secret to the key.
        using RecoverySession session = await client.PrepareRecoveryAsync(cancellation: cancellation);
        screen.Say($"{session.AttemptsLeft} attempts left");
        try
        {
            using RecoverResult recovered = await session.RecoverAsync(screen.Secret(), cancellation);
            screen.Use(recovered.PrivateKey);
            screen.Say($"{recovered.ForeignAttempts.Count} nodes saw attempts that were not yours");
        }
        catch (WrongSecretException wrong)
        {
            screen.Say($"wrong, {wrong.AttemptsLeft} attempts left");
        }

        // readme: end
    }

    internal interface ITokens
    {
        ValueTask<string> ForAsync(Custodian.Protocol.NodeId node, CancellationToken cancellation);
    }

    internal interface IScreen
    {
        ReadOnlySpan<char> Secret();

        ReadOnlySpan<char> NewSecret();

        void Say(string text);

        void Use(SecretBytes key);

        void KeepInDeviceKeyStore(SecretBytes ownerKey);
    }
}
