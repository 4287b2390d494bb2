using Custodian.Client;

namespace Custodian.Cli.Reporting;

/// <summary>
/// Says what an operation is doing, one line per step. It writes at once, not through a synchronisation context, so that the lines stay
/// in order and before the result.
/// </summary>
internal sealed class StepLines(Reporter reporter) : IProgress<CustodyProgress>
{
    /// <inheritdoc/>
    public void Report(CustodyProgress value)
    {
        if (value.Node is null && (value.Total > 0 || value.Stage == CustodyStage.Stretching))
        {
            reporter.Step(Text(value.Stage, value.Total));
        }
    }

    /// <summary>A step in words.</summary>
    internal static string Text(CustodyStage stage, int nodes)
    {
        string all = Wording.Count(nodes, "node");
        return stage switch
        {
            CustodyStage.Describing => $"asking {all} what they hold",
            CustodyStage.Stretching => "stretching the secret, which takes a moment on purpose",
            CustodyStage.Preparing => $"having {all} make a key each",
            CustodyStage.Depositing => $"storing a share at each of {all}",
            CustodyStage.Activating => $"putting the record into effect at {all}",
            CustodyStage.Evaluating => $"trying the secret at {all}",
            CustodyStage.Confirming => $"giving the attempt back at {all}",
            CustodyStage.Retiring => $"removing at {all} what was replaced",
            CustodyStage.Deleting => $"deleting at {all}",
            _ => $"{NodeReport.Name(stage).Replace('_', ' ')} at {all}",
        };
    }
}
