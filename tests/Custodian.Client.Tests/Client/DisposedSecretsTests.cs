namespace Custodian.Client.Tests;

/// <summary>What a caller has disposed is an error at once, and leaves no copy of the other secrets behind.</summary>
public sealed class DisposedSecretsTests
{
    private static readonly byte[] Key = RepeatableBytes.Of("private key", 64);

    [Fact]
    public async Task Replace_DisposedOwnerKey_ThrowsAndSendsNothing()
    {
        await using ScriptedSet set = await ScriptedSet.StartAsync(nodes: 1, threshold: 1);
        CustodianClient client = set.NewClient();
        SecretBytes owner = new(Key.AsSpan(0, 32));
        owner.Dispose();

        Assert.Throws<ObjectDisposedException>(() => { _ = client.ReplaceAsync(owner, Key, "secret"); });

        Assert.Empty(set[0].Script.Calls);
    }

    [Fact]
    public void CopyOr_NothingLeftToCopy_ZeroesWhatWasCopiedBefore()
    {
        SecretBytes owner = new([1]);
        SecretBytes key = new([2]), secret = new([3]);
        owner.Dispose();

        Assert.Throws<ObjectDisposedException>(() => CustodianClient.CopyOr(() => new SecretBytes(owner.Span), key, secret));

        Assert.Throws<ObjectDisposedException>(() => key.Length);
        Assert.Throws<ObjectDisposedException>(() => secret.Length);
    }
}
