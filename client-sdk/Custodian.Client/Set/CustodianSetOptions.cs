namespace Custodian.Client;

/// <summary>What a set made in code may say besides its nodes.</summary>
public sealed record CustodianSetOptions
{
    /// <summary>The lowest threshold accepted from old records, 1..threshold. Default null: the threshold itself.</summary>
    public int? MinThreshold { get; init; }

    /// <summary>Let two nodes share a region, so that one disaster takes both. Default false.</summary>
    public bool AllowSharedRegions { get; init; }

    /// <summary>Let one operator run threshold or more nodes, who can then guess offline alone. Default false.</summary>
    public bool AllowDominantOperator { get; init; }
}
