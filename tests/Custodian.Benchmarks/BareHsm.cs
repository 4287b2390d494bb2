using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Sealing;

namespace Custodian.Benchmarks;

/// <summary>
/// The module's own work, in this process and on sessions of its own, with the keys of a node's token: what no way to the module can beat.
/// </summary>
internal sealed partial class BareHsm : IDisposable
{
    private readonly KeyRing _keys;
    private readonly Pkcs11Session[] _sessions;
    private readonly byte[] _point = APoint();
    private readonly byte[] _sealedRecord;
    private readonly byte[] _content;
    private readonly byte[] _prepared;
    private readonly byte[] _blob;

    internal BareHsm(NodeProcess node, int sessions = 1)
    {
        UseToken(node);
        using var pin = new HsmPin(File.ReadAllBytes(Path.Combine(node.Folder, "pin")));
        _keys = KeyRing.Open(new Pkcs11HsmOptions { ModulePath = NodeProcess.SoftHsm, TokenLabel = "custodian", Pin = pin, Sessions = sessions });
        _sessions = [.. Enumerable.Range(0, sessions).Select(_ => _keys.OpenSession())];
        _keys.Refresh(_sessions[0], _keys.Keys.Inventory.Fit);
        _prepared = MakeKey(_sessions[0]);
        _sealedRecord = Adopt(_sessions[0], _prepared);
        _content = RecordBlobs.OpenWhole(_sessions[0], _keys.Keys, _sealedRecord, HsmWork.Aad);
        _blob = NodeSecretBlobs.Seal(_sessions[0], _keys.Keys, new byte[64], HsmWork.Aad);
    }

    internal int Sessions => _sessions.Length;

    /// <summary>The module reads its configuration with getenv, which does not see the runtime's own copy of the environment.</summary>
    internal static void UseToken(NodeProcess node) => _ = SetEnvironment("SOFTHSM2_CONF", Path.Combine(node.Folder, "softhsm2.conf"), 1);

    internal void Evaluate() => Do(0, HsmWork.Evaluate);

    /// <summary>One of <see cref="HsmWork.Operations"/> on a session that nobody else uses meanwhile.</summary>
    internal void Do(int session, string operation)
    {
        Pkcs11Session own = _sessions[session];
        switch (operation)
        {
            case HsmWork.Seal:
                NodeSecretBlobs.Seal(own, _keys.Keys, new byte[64], HsmWork.Aad);
                break;
            case HsmWork.Open:
                NodeSecretBlobs.Open(own, _keys.Keys, _blob, HsmWork.Aad);
                break;
            case HsmWork.Evaluate:
                Evaluate(own, _sealedRecord);
                break;
            default:
                Evaluate(own, Adopt(own, MakeKey(own)));
                break;
        }
    }

    /// <summary>Does something on every session at once, each with a thread of its own, for a while.</summary>
    /// <returns>For each time: the time from one to the next, and this process's processor time; in microseconds.</returns>
    internal (double Time, double Processor) Saturate(TimeSpan round, Action<int> operation)
    {
        int[] done = new int[_sessions.Length];
        double used = ProcessorTime.OfThisProcess();
        long started = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, _sessions.Length).Select(session => new Thread(() =>
        {
            for (; Stopwatch.GetElapsedTime(started) < round; done[session]++)
            {
                operation(session);
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        return (Stopwatch.GetElapsedTime(started).TotalMicroseconds / done.Sum(), (ProcessorTime.OfThisProcess() - used) / done.Sum());
    }

    /// <summary>The wrapped key that all evaluations here use, sealed for another record, as its Deposit seals it.</summary>
    internal byte[] SealFor(int session, byte[] record) =>
        SealedBlob.Seal(_sessions[session], _keys.Keys, BlobRole.Record, _keys.Keys.New.Wrap?.Name.Version, _content, record);

    /// <summary>Opens a prepared key, sees that it unwraps, and seals it as a record's.</summary>
    internal void Adopt(int session) => Adopt(_sessions[session], _prepared);

    /// <summary>Makes a key, evaluates it, wraps and seals it.</summary>
    internal void Prepare(int session) => RecordBlobs.Prepare(_sessions[session], _keys.Keys, _point, long.MaxValue, HsmWork.Aad);

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_content);
        Array.ForEach(_sessions, session => session.Dispose());
        _keys.Dispose();
    }

    private byte[] MakeKey(Pkcs11Session session) => RecordBlobs.Prepare(session, _keys.Keys, _point, long.MaxValue, HsmWork.Aad).SealedKey;

    private byte[] Adopt(Pkcs11Session session, byte[] prepared) =>
        new Adoption(prepared, 0, HsmWork.Aad, new byte[32], HsmWork.Aad).Run(session, _keys.Keys).SealedRecord!;

    private void Evaluate(Pkcs11Session session, byte[] sealedRecord) =>
        RecordBlobs.Evaluate(session, _keys.Keys, sealedRecord, HsmWork.Aad, _point);

    /// <summary>A point of the curve.</summary>
    internal static byte[] APoint()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        ECPoint q = key.ExportParameters(includePrivateParameters: false).Q;
        return [4, .. q.X!, .. q.Y!];
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
