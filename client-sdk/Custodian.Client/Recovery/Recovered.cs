using System.Collections.Immutable;
using System.Security.Cryptography;
using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>A record that was opened: what it held, and the settlement that goes on. Dispose zeroes what it held.</summary>
internal sealed class Recovered : IDisposable
{
    private Recovered(EnvelopePayload payload, SecretBytes ownerKey) => (Payload, OwnerKey) = (payload, ownerKey);

    internal EnvelopePayload Payload { get; }

    internal SecretBytes OwnerKey { get; }

    internal required Header Header { get; init; }

    internal required bool IsOlderRecord { get; init; }

    internal required IReadOnlyDictionary<NodeId, NodeOutcome> Nodes { get; init; }

    internal required IReadOnlyDictionary<NodeId, int> ForeignAttempts { get; init; }

    internal required Task<SettlementReport> Settlement { get; init; }

    /// <summary>
    /// Opens the envelope of a trial that found its fit, and starts its settlement: attempts are given back also for a record that does not
    /// open.
    /// </summary>
    /// <exception cref="DamagedRecordException">It does not open.</exception>
    internal static Recovered Open(Operation operation, AccountView view, Trial trial)
    {
        var nodes = view.Outcomes.SetItems(trial.Header.Participants.Select(p => KeyValuePair.Create(p.Node, trial.Outcomes[p.Node])));
        Dictionary<NodeId, int> foreign = ForeignCount.Of(operation.Core, trial);
        EnvelopePayload? payload = Open(operation.Account, trial);
        SecretBytes ownerKey = new(trial.Keys!.OwnerPrivateKey);
        Header header = trial.Header;
        Task<SettlementReport> settlement = operation.Core.Track(SettlementFlow.RunAsync(operation, view, trial, foreign));
        if (payload is null)
        {
            ownerKey.Dispose();
            throw new DamagedRecordException(nodes);
        }

        return new Recovered(payload, ownerKey)
        {
            Header = header,
            IsOlderRecord = view.Choice.Chosen?.Header.IsSameAs(header) != true,
            Nodes = nodes,
            ForeignAttempts = foreign,
            Settlement = settlement,
        };
    }

    public void Dispose()
    {
        Payload.Dispose();
        OwnerKey.Dispose();
    }

    private static EnvelopePayload? Open(AccountId account, Trial trial)
    {
        ReadOnlySpan<byte> envelope = trial.Answers.First(a => a.IsGood).Envelope.Span;
        Header header = trial.Header;
        if (!Envelope.TryOpen(trial.Keys!.EnvelopeKey, envelope, account, header.RecordId, header.Generation, out byte[]? plaintext))
        {
            return null;
        }

        try
        {
            return EnvelopePayload.TryParse(plaintext, out EnvelopePayload? payload) ? payload : null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }
}
