using System.Reflection;

namespace Custodian.EndToEnd.Tests.Harness;

/// <summary>Where the programs under test and the repository are, as the build told.</summary>
internal static class Programs
{
    /// <summary>The node, <c>custodian</c>.</summary>
    internal static string Custodian { get; } = Metadata("CustodianProgram");

    /// <summary>The client's command line, <c>custody</c>.</summary>
    internal static string Custody { get; } = Metadata("CustodyProgram");

    /// <summary>An app with the SDK that a test can look into.</summary>
    internal static string Device { get; } = Metadata("DeviceProgram");

    /// <summary>The repository's root.</summary>
    internal static string Root { get; } = Metadata("RepositoryRoot");

    private static string Metadata(string key) => typeof(Programs).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == key).Value!;
}
