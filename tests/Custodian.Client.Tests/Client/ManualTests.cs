namespace Custodian.Client.Tests;

/// <summary>The manual on <see cref="CustodianClient"/>, as it stands there.</summary>
public sealed class ManualTests
{
    [Fact]
    public async Task Manual_AsWritten_EnrolsAndRecovers()
    {
        await using ScriptedSet nodes = await ScriptedSet.StartAsync();
        CustodianSet custodians = nodes.Custodians();
        byte[] privateKey = RepeatableBytes.Of("private key", 32);
        byte[] buffer = new byte[32];
        const string pin = "482913";

        await using CustodianClient client = new(custodians, new CustodianClientOptions { Token = (node, ct) => TokenAsync(node.Value, ct) });
        using EnrollResult enrolled = await client.EnrollAsync(privateKey, pin, new EnrollOptions { Label = "signing key" });

        using RecoverySession session = await client.PrepareRecoveryAsync();
        Show(session.AttemptsLeft, session.Delay);
        using RecoverResult recovered = await session.RecoverAsync(pin);
        recovered.PrivateKey.CopyTo(buffer);

        Assert.Equal(privateKey, buffer);
    }

    private static void Show(int attemptsLeft, TimeSpan? delay) => Assert.Equal((10, TimeSpan.Zero), (attemptsLeft, delay));

    private static ValueTask<string> TokenAsync(string node, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return ValueTask.FromResult(TestTokens.For(node, "user-1"));
    }
}
