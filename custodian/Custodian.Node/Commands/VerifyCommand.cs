using System.CommandLine;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Node.Storage.Verification;
using Custodian.Pkcs11;

namespace Custodian.Node.Commands;

/// <summary><c>custodian verify</c>: everything that is not as the node left it, by name.</summary>
internal static class VerifyCommand
{
    private sealed record Verified(
        string NodeId, string Database, bool Sound, long Accounts, long Records, long AuditEntries, long FreeSlots, long SealedPartsOpened,
        long FindingCount, IReadOnlyList<Finding> Findings);

    internal static Command Build()
    {
        var common = new CommonOptions();
        var file = new Option<string?>("--file") { Description = "another file to verify, such as a backup of this node (default: the node's database)" };
        var deep = new Option<bool>("--hsm") { Description = "also have the HSM open the sealed part of every record; a few operations each" };
        return common.Build(
            "verify",
            "Checks a whole database: every account and record, the audit log and its chain, rows that are missing or belong to nothing, slots "
            + "that should be empty, and SQLite's own structures. Changes nothing. The node may be stopped or serving: beside a serving node "
            + "it reads a page at a time; only SQLite's own check reads in one go, and calls that destroy a record wait for that. "
            + "What it cannot find: a whole database put back, or accounts put back together with the end of the audit log while the node was "
            + "stopped. Exit status 0 sound, 5 when there are findings, 1 when it could not be checked.",
            [file, deep],
            (parsed, configuration, cancellation) => RunAsync(
                configuration, parsed.GetValue(file), parsed.GetValue(deep), parsed.GetValue(common.Json), cancellation));
    }

    internal static VerificationProgress Progress { get; } = new(line => Console.Error.WriteLine($"custodian: {line}"), TimeProvider.System);

    /// <summary>Prints findings as text, one paragraph each, and what was gone through.</summary>
    internal static void Write(VerificationReport report, TextWriter text)
    {
        foreach (Finding finding in report.Findings)
        {
            text.WriteLine($"{finding.Part}{Named(" account ", finding.Account)}{Named(" ", finding.Record)}: {finding.What}");
        }

        if (report.FindingCount > report.Findings.Count)
        {
            text.WriteLine($"and {report.FindingCount - report.Findings.Count} more");
        }

        foreach (string next in report.Findings.Select(f => f.Next).Distinct())
        {
            text.WriteLine($"next: {next}");
        }

        text.WriteLine(
            $"checked {report.Accounts} accounts, {report.Records} sound records, {report.AuditEntries} audit entries, {report.FreeSlots} free slots"
            + (report.SealedParts > 0 ? $"; the HSM opened {report.SealedParts} sealed parts" : ""));
        text.WriteLine(report.IsSound ? "sound" : $"NOT SOUND: {report.FindingCount} findings");
    }

    private static async Task<int> RunAsync(
        NodeConfiguration configuration, string? file, bool deep, bool json, CancellationToken cancellation)
    {
        SqliteStoreOptions options = NodeRuntime.StoreOptions(configuration);
        options = file is null ? options : options with { Path = Path.GetFullPath(file) };
        using HsmPin pin = PinSource.Read(configuration.Hsm.PinFile);
        await using Pkcs11Hsm hsm = await Pkcs11Hsm.OpenAsync(
            NodeRuntime.HsmOptions(configuration.Hsm, pin, NodeMode.Claimed(options)), cancellation);
        using NodeSecrets secrets = await NodeRuntime.OpenSecretsAsync(configuration, options, hsm);
        VerificationReport report = new DatabaseVerifier(options, secrets, Progress).Run(cancellation);
        KeyVersionCheck.Run(options, secrets, await hsm.RefreshKeysAsync(), report);
        if (deep)
        {
            await new SealedPartCheck(configuration.NodeId, hsm).RunAsync(options, report, Progress, cancellation);
        }

        var verified = new Verified(
            configuration.NodeId.Value, options.Path, report.IsSound, report.Accounts, report.Records, report.AuditEntries, report.FreeSlots,
            report.SealedParts, report.FindingCount, report.Findings);
        Terminal.Print(json, verified, text => Write(report, text));
        return report.IsSound ? ExitCode.Done : ExitCode.Findings;
    }

    private static string Named(string before, string? name) => name is null ? "" : before + name;
}
