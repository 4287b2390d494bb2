using System.Collections.Concurrent;

namespace Custodian.Client.Tests;

/// <summary>Keeps progress in the order it is reported, on the reporting thread.</summary>
internal sealed class RecordedProgress : IProgress<CustodyProgress>
{
    internal ConcurrentQueue<CustodyProgress> Steps { get; } = [];

    internal CustodyStage[] Stages => [.. Steps.Where(s => s.Node is null).Select(s => s.Stage)];

    public void Report(CustodyProgress value) => Steps.Enqueue(value);
}
