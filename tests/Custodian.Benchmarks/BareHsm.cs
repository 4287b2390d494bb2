using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Custodian.EndToEnd.Tests.Harness;
using Custodian.Pkcs11;
using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Keys;
using Custodian.Pkcs11.Sealing;

namespace Custodian.Benchmarks;

/// <summary>The module's own work of one Evaluate (open, unwrap, derive) on a session of its own, with the keys of a node's token.</summary>
internal sealed partial class BareHsm : IDisposable
{
    private readonly KeyRing _keys;
    private readonly Pkcs11Session _session;
    private readonly byte[] _point;
    private readonly byte[] _sealedRecord;

    internal BareHsm(NodeProcess node)
    {
        UseToken(node);
        using var pin = new HsmPin(File.ReadAllBytes(Path.Combine(node.Folder, "pin")));
        _keys = KeyRing.Open(new Pkcs11HsmOptions { ModulePath = NodeProcess.SoftHsm, TokenLabel = "custodian", Pin = pin });
        _session = _keys.OpenSession();
        _keys.Refresh(_session, _keys.Keys.Inventory.Fit);
        _point = APoint();
        PreparedKey prepared = RecordBlobs.Prepare(_session, _keys.Keys, _point, long.MaxValue, "prepare"u8);
        _sealedRecord = new Adoption(prepared.SealedKey, 0, "prepare"u8.ToArray(), new byte[32], "record"u8.ToArray())
            .Run(_session, _keys.Keys).SealedRecord!;
    }

    /// <summary>The module reads its configuration with getenv, which does not see the runtime's own copy of the environment.</summary>
    internal static void UseToken(NodeProcess node) => _ = SetEnvironment("SOFTHSM2_CONF", Path.Combine(node.Folder, "softhsm2.conf"), 1);

    internal void Evaluate() => RecordBlobs.Evaluate(_session, _keys.Keys, _sealedRecord, "record"u8, _point);

    public void Dispose()
    {
        _session.Dispose();
        _keys.Dispose();
    }

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
