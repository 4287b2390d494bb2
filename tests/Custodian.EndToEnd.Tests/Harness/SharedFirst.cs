using Custodian.EndToEnd.Tests.Harness;
using Xunit.Abstractions;

[assembly: TestCollectionOrderer(SharedFirst.TypeName, SharedFirst.AssemblyName)]

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>
/// Begins with the collections that share nodes: each is several classes, one after another, and would go on alone when all else is done.
/// </summary>
public sealed class SharedFirst : ITestCollectionOrderer
{
    internal const string TypeName = "Custodian.EndToEnd.Tests.Harness.SharedFirst";
    internal const string AssemblyName = "Custodian.EndToEnd.Tests";

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderByDescending(c => c.CollectionDefinition is not null).ThenBy(c => c.DisplayName, StringComparer.Ordinal);
}
