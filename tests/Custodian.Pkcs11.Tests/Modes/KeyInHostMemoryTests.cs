using System.Security.Cryptography;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Isolation;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Sealing;
using Custodian.Pkcs11.Tests.Isolation;
using Custodian.Pkcs11.Tests.Pins;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Modes;

/// <summary>
/// A record's key in the process that evaluated it in memory: nowhere, once that is over. The process is idle when its memory is searched, and
/// nothing has been done in it since that would have used that memory again. And in the record itself, for whoever has the PIN.
/// </summary>
public sealed class KeyInHostMemoryTests : IDisposable
{
    private static readonly byte[] Aad = [7];

    private readonly SoftHsmToken token = new();
    private readonly SeenEvents events = new();

    public void Dispose() => token.Dispose();

    [Fact]
    public async Task Host_AfterPrepareAdoptAndEvaluate_HasTheKeyNowhereInItsMemory()
    {
        await token.CreateKeysAsync(EvaluationMode.Memory);
        await using var hsm = await IsolatedHsm.OpenAsync(
            token.Options(sessions: 2, evaluation: EvaluationMode.Memory),
            new IsolationOptions { Program = TestHosts.Sound(token), Observer = events.See },
            CancellationToken.None);
        var host = (await events.NextAsync<HostStarted>()).ProcessId;

        var prepared = await AdmittedAsync(hsm, a => hsm.PrepareAsync(a, P256.Generator, long.MaxValue, Aad));
        var key = KeyIn(BlobRole.PreparedKey, prepared.SealedKey);
        AssertNowhere(host, key);

        var record = (await AdmittedAsync(hsm, a => hsm.AdoptAsync(a, prepared.SealedKey, 0, Aad, new byte[32], Aad))).SealedRecord!;
        Assert.Equal(key, KeyIn(BlobRole.Record, record));
        AssertNowhere(host, key);

        await EvaluateAsync();
        AssertNowhere(host, key);

        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => EvaluateAsync()));
        AssertNowhere(host, key);

        // It finds a key where one is: this process holds it.
        Assert.NotEmpty(HostMemory.Holding(Environment.ProcessId, key));

        async Task EvaluateAsync()
        {
            var evaluation = await AdmittedAsync(hsm, a => hsm.EvaluateAsync(a, record, Aad, P256.Generator));
            Assert.Equal(prepared.Evaluated, evaluation.Evaluated);
        }
    }

    /// <summary>Commands evaluate in a process of their own, which is no host: <c>verify --hsm</c> every record.</summary>
    [Theory]
    [InlineData(EvaluationMode.Memory, false)]
    [InlineData(EvaluationMode.Hsm, true)]
    public async Task Open_InAnyProcess_ForbidsDumpsOfItWhereRecordsKeysComeToLieInIt(EvaluationMode mode, bool mayBeDumped)
    {
        await token.CreateKeysAsync(mode);
        OwnProcess.MayBeDumped = true;

        await using var hsm = await Pkcs11Hsm.OpenAsync(token.Options(evaluation: mode), CancellationToken.None);

        Assert.Equal(mayBeDumped, OwnProcess.MayBeDumped);
    }

    /// <summary>threat-model.md names this among the residual risks: once the record was opened, no HSM is asked.</summary>
    [Fact]
    public async Task ResidualRisk_PinHolderAtANodeInMemory_TakesTheKeyAndEvaluatesWithoutTheHsm()
    {
        await token.CreateKeysAsync(EvaluationMode.Memory);
        var point = P256.NewPoint();
        byte[] record, evaluated;
        await using (var hsm = await Pkcs11Hsm.OpenAsync(token.Options(evaluation: EvaluationMode.Memory), CancellationToken.None))
        {
            using var first = await hsm.AdmitAsync(CancellationToken.None);
            using var second = await hsm.AdmitAsync(CancellationToken.None);
            var prepared = await hsm.PrepareAsync(first!, point, long.MaxValue, Aad);
            (record, evaluated) = ((await hsm.AdoptAsync(second!, prepared.SealedKey, 0, Aad, new byte[32], Aad)).SealedRecord!, prepared.Evaluated);
        }

        using var taken = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = KeyIn(BlobRole.Record, record) });

        using var asked = ECDiffieHellman.Create(
            new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = point[1..33], Y = point[33..] } });
        Assert.Equal(evaluated, taken.DeriveRawSecretAgreement(asked.PublicKey));
    }

    // As it is sealed, and in the order of bytes in which OpenSSL keeps numbers; whole, and each half: a freed block loses its beginning.
    // The search sees what is there, for it finds the module's path.
    private static void AssertNowhere(int host, byte[] key)
    {
        byte[] reversed = [.. key.Reverse()];
        var known = System.Text.Encoding.ASCII.GetBytes(SoftHsmDirectory.ModulePath);
        var found = HostMemory.Holding(host, [key[..16], key[16..], reversed[..16], reversed[16..], known]);
        Assert.All(found.SkipLast(1), Assert.Empty);
        Assert.NotEmpty(found[^1]);
    }

    private static async Task<T> AdmittedAsync<T>(IsolatedHsm hsm, Func<HsmAdmission, ValueTask<T>> operation)
    {
        using var admission = await hsm.AdmitAsync(CancellationToken.None);
        return await operation(admission!);
    }

    // With the PIN and the token: the seal key opens for whoever has both, and in this mode nothing is wrapped inside.
    private byte[] KeyIn(BlobRole role, byte[] blob)
    {
        using var connection = TokenConnection.Open(token.Options());
        var keys = KeyFinder.Find(connection.Anchor, authorised: null, module: null);
        var length = SealedBlob.PlaintextLength(EvaluationMode.Memory, role, blob, out var versions);
        var room = new byte[SealedBlob.RoomFor(length)];
        SealedBlob.Open(connection.Anchor, keys.SealsOf(versions.Seal), EvaluationMode.Memory, role, blob, Aad, room);
        Assert.True(WrappedKeyContent.TryParse(EvaluationMode.Memory, role, room.AsSpan(0, length), out var content));
        return content.Wrapped.ToArray();
    }
}
