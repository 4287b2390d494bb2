using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>One custodian of a <see cref="CustodianSet"/>. Immutable.</summary>
public sealed record CustodianNode
{
    /// <summary>The node's name. It enters what the node evaluates and what is signed for it (protocol.md sections 6 and 10).</summary>
    public required NodeId Id { get; init; }

    /// <summary>Where the node stands, such as <c>eu-west</c>. No two nodes of a set share one, unless the set says so.</summary>
    public required string Region { get; init; }

    /// <summary>Who runs the node. No operator has threshold or more nodes, unless the set says so.</summary>
    public required string Operator { get; init; }

    /// <summary>Where the node is reached: <c>https://host:port</c>, without path.</summary>
    public required Uri Address { get; init; }

    /// <summary>A retired node takes no new records, but still answers for old ones. Default false.</summary>
    public bool Retired { get; init; }

    /// <summary>
    /// SHA-256 of the SubjectPublicKeyInfo of the node's certificate, in base64, one or more to allow for a change of keys. Default none.
    /// With pins and no <see cref="Authorities"/>, the pin alone makes the certificate trusted; its name and dates are checked all the same.
    /// </summary>
    public ImmutableArray<string> Pins { get; init; } = [];

    /// <summary>
    /// The roots the node's certificate must lead to. Default none: the pins decide, and without pins the system's roots.
    /// </summary>
    public ImmutableArray<X509Certificate2> Authorities { get; init; } = [];

    /// <summary>The node's name, region and address.</summary>
    public override string ToString() => $"{Id} ({Region}) at {Address}";
}
