namespace Custodian.Node.Host;

/// <summary>The base point of P-256: a point that is everybody's, so that what a key gives there tells nobody more than its public half.</summary>
internal static class BasePoint
{
    /// <summary>04 || X || Y.</summary>
    internal static ReadOnlyMemory<byte> Uncompressed { get; } = Convert.FromHexString(
        "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C2964FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5");
}
