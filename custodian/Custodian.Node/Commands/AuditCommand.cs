using System.CommandLine;
using System.Globalization;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Protocol;

namespace Custodian.Node.Commands;

/// <summary><c>custodian audit</c>: every decision that changed something, in order.</summary>
internal static class AuditCommand
{
    private sealed record Line(
        long Id, string Time, string Event, string Account, string Record, ulong Generation, string? Attempt, uint AttemptsUsed, bool Authentic);

    internal static Command Build()
    {
        var common = new CommonOptions();
        var account = new AccountOptions(required: false);
        var from = new Option<long>("--from") { Description = "the number of the first entry to print (default: the oldest)" };
        return common.Build(
            "audit",
            "Prints the audit log, oldest first; with --set, --issuer and --subject that of one account. With --json one object a line. "
            + "Accounts appear under the names of their rows, which only this node can derive. Exit status 1 when an entry is not authentic.",
            [.. account.All, from],
            (parsed, configuration, cancellation) => RunAsync(common, account, from, parsed, configuration, cancellation));
    }

    private static async Task<int> RunAsync(
        CommonOptions common, AccountOptions options, Option<long> from, ParseResult parsed, NodeConfiguration configuration, CancellationToken cancellation)
    {
        AccountId? account = null;
        if (options.AreGiven(parsed) && !options.TryRead(parsed, configuration, out account))
        {
            return ExitCode.Usage;
        }

        await using NodeRuntime runtime = await NodeRuntime.OpenAsync(configuration, cancellation);
        // Written out: a bare null would become an empty row, by the conversion from arrays.
        ReadOnlyMemory<byte>? row = account is { } known ? runtime.Store.RowOf(known) : default(ReadOnlyMemory<byte>?);
        bool authentic = true;
        await foreach (AuditRow entry in runtime.Store.ReadAuditAsync(parsed.GetValue(from), row, cancellation))
        {
            Line line = LineOf(entry);
            authentic &= line.Authentic;
            Terminal.Print(parsed.GetValue(common.Json), line, text => Write(line, text));
        }

        if (!authentic)
        {
            Terminal.Error("entries marked ALTERED were not written by this node where they stand, or entries before them were removed");
        }

        return authentic ? ExitCode.Done : ExitCode.Failed;
    }

    private static Line LineOf(AuditRow row) => row.Entry is { } entry
        ? new Line(
            row.Id,
            DateTimeOffset.FromUnixTimeMilliseconds(entry.Ms).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            entry.Event.Kind.ToString(),
            Convert.ToHexStringLower(entry.AccountRow.Span[..8]),
            entry.Event.Record.ToString(),
            entry.Event.Generation,
            entry.Event.Attempt?.ToString(),
            entry.Event.AttemptsUsed,
            row.IsAuthentic)
        : new Line(row.Id, "", "unreadable", "", "", 0, null, 0, Authentic: false);

    private static void Write(Line line, TextWriter text) => text.WriteLine(
        $"{line.Id,8}  {line.Time}  {(line.Authentic ? "" : "ALTERED ")}{line.Event,-12}  account {line.Account}  record {line.Record}  "
        + $"generation {line.Generation}  used {line.AttemptsUsed}{(line.Attempt is null ? "" : $"  attempt {line.Attempt}")}");
}
