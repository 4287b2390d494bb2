using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>A set as far as it could be read; null stands for what is missing or wrong, and has its mistake noted already.</summary>
internal sealed record SetDraft
{
    internal SetId? Id { get; init; }

    internal int? Threshold { get; init; }

    internal int? MinThreshold { get; init; }

    internal bool AllowSharedRegions { get; init; }

    internal bool AllowDominantOperator { get; init; }

    internal ImmutableArray<NodeDraft> Nodes { get; init; } = [];
}

/// <summary>A node of a <see cref="SetDraft"/>.</summary>
internal sealed record NodeDraft
{
    internal NodeId? Id { get; init; }

    internal string? Region { get; init; }

    internal string? Operator { get; init; }

    internal Uri? Address { get; init; }

    internal bool Retired { get; init; }

    internal ImmutableArray<string> Pins { get; init; } = [];

    internal ImmutableArray<X509Certificate2> Authorities { get; init; } = [];

    internal static NodeDraft Of(CustodianNode node) => new()
    {
        Id = node.Id,
        Region = node.Region,
        Operator = node.Operator,
        Address = node.Address,
        Retired = node.Retired,
        Pins = node.Pins,
        Authorities = node.Authorities,
    };

    internal CustodianNode ToNode() => new()
    {
        Id = Id!.Value,
        Region = Region!,
        Operator = Operator!,
        Address = Address!,
        Retired = Retired,
        Pins = Pins,
        Authorities = Authorities,
    };
}
