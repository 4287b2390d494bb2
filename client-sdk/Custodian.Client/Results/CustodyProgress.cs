using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>What an operation is doing.</summary>
public enum CustodyStage
{
    /// <summary>Asking the nodes what they hold.</summary>
    Describing,

    /// <summary>Stretching the user's secret, which takes the device a moment on purpose.</summary>
    Stretching,

    /// <summary>Having each node make a key for the new record.</summary>
    Preparing,

    /// <summary>Storing the new record.</summary>
    Depositing,

    /// <summary>Putting the new record into effect.</summary>
    Activating,

    /// <summary>Asking the nodes to evaluate the secret.</summary>
    Evaluating,

    /// <summary>Giving the attempts back.</summary>
    Confirming,

    /// <summary>Removing what the new record has replaced.</summary>
    Retiring,

    /// <summary>Deleting records.</summary>
    Deleting,
}

/// <summary>A step of an operation.</summary>
/// <param name="Stage">What it is doing.</param>
/// <param name="Node">The node that has just answered or failed; null for the beginning of a stage.</param>
/// <param name="Outcome">How that node fared; null for the beginning of a stage.</param>
/// <param name="Done">How many nodes have answered or failed in this stage.</param>
/// <param name="Total">How many nodes the stage asks; 0 for one that asks none.</param>
public sealed record CustodyProgress(CustodyStage Stage, NodeId? Node, NodeOutcome? Outcome, int Done, int Total);
