using Custodian.Pkcs11.Binding;

namespace Custodian.Pkcs11.Tests.Faults;

/// <summary>One of the operations of an <see cref="IHsm"/>, of which it is known what it must answer.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Run">Runs it, and fails the test when it answers anything else.</param>
/// <param name="Blobs">The functions that take a blob from outside in it, so that the blob may be at fault.</param>
internal sealed record KnownOperation(string Name, Func<IHsm, Task> Run, params Function[] Blobs)
{
    internal static readonly string[] Names = ["Prepare", "Adopt", "Evaluate", "Seal", "Open", "Sign", "Random", "Probe", "Reseal", "Refresh"];

    private static readonly byte[] Aad = [7];
    private static readonly byte[] Share = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    /// <summary>All of them, with blobs of this HSM.</summary>
    /// <param name="hsm">It.</param>
    /// <param name="rotated">What is authorised once the blobs are made: with a newer seal key among it, a record is brought under that.</param>
    internal static async Task<IReadOnlyDictionary<string, KnownOperation>> AllAsync(IHsm hsm, IReadOnlyList<TokenKey>? rotated = null)
    {
        var prepared = await AdmittedAsync(hsm, a => hsm.PrepareAsync(a, P256.Generator, long.MaxValue, Aad));
        var record = (await AdmittedAsync(hsm, a => hsm.AdoptAsync(a, prepared.SealedKey, 0, Aad, Share, Aad))).SealedRecord!;
        var secret = await hsm.SealAsync(Share, Aad);
        var seals = (await hsm.RefreshKeysAsync(rotated)).Of(KeyPurpose.Seal);
        KnownOperation[] all =
        [
            new("Prepare", PrepareAsync),
            new("Adopt", on => AdoptAsync(on, prepared.SealedKey), Function.Decrypt, Function.UnwrapKey),
            new("Evaluate", on => EvaluateAsync(on, record, prepared.Evaluated), Function.Decrypt, Function.UnwrapKey),
            new("Seal", async on => Assert.NotEmpty(await on.SealAsync(Share, Aad))),
            new("Open", async on => Assert.Equal(Share, await on.OpenAsync(secret, Aad)), Function.Decrypt),
            new("Sign", async on => Assert.Equal(64, (await on.SignAsync(Share)).Value.Length)),
            new("Random", RandomAsync),
            new("Probe", async on => await on.ProbeAsync(CancellationToken.None)),
            new("Reseal", on => ResealAsync(on, record, seals.Max()), Function.Decrypt),
            new("Refresh", async on => Assert.Equal(seals, (await on.RefreshKeysAsync()).Of(KeyPurpose.Seal))),
        ];
        return all.ToDictionary(operation => operation.Name);
    }

    private static async Task PrepareAsync(IHsm hsm)
    {
        var prepared = await AdmittedAsync(hsm, a => hsm.PrepareAsync(a, P256.Generator, long.MaxValue, Aad));
        Assert.NotEqual(new byte[32], prepared.Evaluated);
    }

    private static async Task AdoptAsync(IHsm hsm, byte[] sealedKey)
    {
        var adopted = await AdmittedAsync(hsm, a => hsm.AdoptAsync(a, sealedKey, 0, Aad, Share, Aad));

        // As an exception, so that an adoption that is refused looks like an opening that is.
        if (adopted.Outcome == AdoptOutcome.Rejected)
        {
            throw new HsmException(HsmErrorClass.Data, 0, "adopt", "Rejected.");
        }
        Assert.Equal(AdoptOutcome.Adopted, adopted.Outcome);
    }

    private static async Task EvaluateAsync(IHsm hsm, byte[] record, byte[] expected)
    {
        var evaluation = await AdmittedAsync(hsm, a => hsm.EvaluateAsync(a, record, Aad, P256.Generator));
        Assert.Equal(expected, evaluation.Evaluated);
        Assert.Equal(Share, evaluation.MaskedShare);
    }

    private static async Task ResealAsync(IHsm hsm, byte[] record, uint newest)
    {
        var next = await AdmittedAsync(hsm, a => hsm.ResealAsync(a, record, Aad));
        Assert.True(BlobVersions.TryRead(next, out var versions));
        Assert.Equal((newest, 1U), (versions.Seal, versions.Wrap ?? 1));
        Assert.Equal(record.Length, next.Length);
    }

    private static async Task RandomAsync(IHsm hsm)
    {
        var drawn = new byte[32];
        await hsm.RandomAsync(drawn);
        Assert.NotEqual(new byte[32], drawn);
    }

    private static async Task<T> AdmittedAsync<T>(IHsm hsm, Func<HsmAdmission, ValueTask<T>> operation)
    {
        using var admission = await hsm.AdmitAsync(CancellationToken.None);
        return await operation(admission!);
    }
}
