using Custodian.Protocol;

namespace Custodian.Client;

/// <summary>
/// The methods of <see cref="CustodianClient"/> from where spans have become owned secrets: each takes over what it is given.
/// </summary>
internal sealed class ClientFlows(ClientCore core)
{
    internal Task<RecoverySession> PrepareAsync(IProgress<CustodyProgress>? progress, CancellationToken cancellation) =>
        RecoverySession.PrepareAsync(new Operation(core, progress), isShown: true, cancellation);

    internal async Task<AccountDescription> DescribeAsync(IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        Operation operation = new(core, progress);
        return AccountReading.Describe(operation, await SurveyAsync(operation, cancellation).ConfigureAwait(false));
    }

    internal async Task<DeleteResult> DeleteOwnedAsync(
        SecretBytes ownerKey, IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        using SecretBytes owned = ownerKey;
        Operation operation = new(core, progress);
        AccountView view = await SurveyAsync(operation, cancellation).ConfigureAwait(false);
        Header header = OwnedHeader(operation, view, ownerKey, RecordChoice.Shown(view.Nodes));
        using OwnerKeyRing owners = OwnerKeyRing.Of(header, ownerKey, []);
        return await new Removal(operation, view, owners).RunAsync(cancellation).ConfigureAwait(false);
    }

    internal async Task<EnrollResult> EnrolAsync(
        KeyMaterial material, SecretBytes secret, IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        using KeyMaterial key = material;
        using SecretBytes utf8 = secret;
        Operation operation = new(core, progress);
        AccountView view = await SurveyAsync(operation, cancellation).ConfigureAwait(false);
        ThrowIfEnrolled(view, key.Options);
        using OwnerKeyRing owners = OwnerKeyRing.None();
        try
        {
            return await new EnrolmentFlow(operation, view, owners).RunAsync(key, utf8, cancellation).ConfigureAwait(false);
        }
        catch (EnrollmentRefusedException refused) when (refused.Nodes.Values.Any(WasOvertaken))
        {
            ThrowIfEnrolled(await SurveyAsync(operation, cancellation).ConfigureAwait(false), key.Options);
            throw;
        }
    }

    internal async Task<EnrollResult> ReplaceAsync(
        SecretBytes ownerKey, KeyMaterial material, SecretBytes secret, IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        using SecretBytes owned = ownerKey;
        using KeyMaterial key = material;
        using SecretBytes utf8 = secret;
        Operation operation = new(core, progress);
        AccountView view = await SurveyAsync(operation, cancellation).ConfigureAwait(false);
        using OwnerKeyRing owners = OwnerKeyRing.Of(OwnedChoice(operation, view, ownerKey), ownerKey, []);
        if (await owners.ActivateAsync(operation, view, cancellation).ConfigureAwait(false))
        {
            view = await SurveyAsync(operation, cancellation).ConfigureAwait(false);
            _ = OwnedChoice(operation, view, ownerKey);
        }

        return await new EnrolmentFlow(operation, view, owners).RunAsync(key, utf8, cancellation).ConfigureAwait(false);
    }

    internal async Task<EnrollResult> ChangeSecretAsync(
        SecretBytes oldSecret, SecretBytes newSecret, IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        using SecretBytes utf8 = newSecret;
        using RecoverResult recovered = await RecoverAsync(oldSecret, progress, cancellation).ConfigureAwait(false);
        EnrollOptions options = new() { Label = recovered.Label, ContentType = recovered.ContentType };
        KeyMaterial key = KeyMaterial.Copy(recovered.PrivateKey.Span, options);
        EnrollResult changed = await ReplaceAsync(recovered, recovered.Owners(), key, utf8, progress, cancellation).ConfigureAwait(false);
        changed.ForeignAttempts = (await recovered.Settlement.ConfigureAwait(false)).ForeignAttempts;
        return changed;
    }

    /// <summary>A change of the record that the user's secret opened, whether it is the chosen one or the one fallen back to.</summary>
    internal async Task<EnrollResult> ReplaceAsync(
        RecoverResult recovered,
        OwnerKeyRing ring,
        KeyMaterial material,
        SecretBytes secret,
        IProgress<CustodyProgress>? progress,
        CancellationToken cancellation)
    {
        using OwnerKeyRing owners = ring;
        using KeyMaterial key = material;
        using SecretBytes utf8 = secret;

        // The settlement may put the record into effect where it was PENDING: only then does every node know it by a state to sign for.
        await recovered.Settlement.WaitAsync(cancellation).ConfigureAwait(false);
        Operation operation = new(core, progress);
        AccountView view = await SurveyAsync(operation, cancellation).ConfigureAwait(false);
        ThrowIfReplacedSince(operation, recovered, view);
        try
        {
            return await new EnrolmentFlow(operation, view, owners).RunAsync(key, utf8, cancellation).ConfigureAwait(false);
        }
        catch (EnrollmentRefusedException refused) when (recovered.IsOlderRecord && refused.Nodes.Values.Contains(EnrolmentFlow.OtherOwner))
        {
            throw refused.OfReplacedRecord();
        }
    }

    internal async Task<RecoverResult> RecoverAsync(SecretBytes utf8, IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        using SecretBytes owned = utf8;
        using RecoverySession session = await PrepareForSecretAsync(progress, cancellation).ConfigureAwait(false);
        return await session.RecoverAsync(utf8, cancellation).ConfigureAwait(false);
    }

    internal async Task<CheckResult> CheckAsync(SecretBytes utf8, IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        using Recovered recovered = await OpenAsync(utf8, progress, cancellation).ConfigureAwait(false);
        SettlementReport settlement = await recovered.Settlement.WaitAsync(cancellation).ConfigureAwait(false);
        return new CheckResult
        {
            Record = RecordSummary.Of(recovered.Header),
            IsOlderRecord = recovered.IsOlderRecord,
            ForeignAttempts = settlement.ForeignAttempts,
            Settlement = settlement,
        };
    }

    internal async Task<DeleteResult> DeleteAsync(
        SecretBytes utf8, IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        using Recovered recovered = await OpenAsync(utf8, progress, cancellation).ConfigureAwait(false);
        await recovered.Settlement.WaitAsync(cancellation).ConfigureAwait(false);
        using OwnerKeyRing owners = OwnerKeyRing.Of(recovered.Header, recovered.OwnerKey, recovered.Payload.FormerOwners);
        Operation operation = new(core, progress);
        AccountView view = await SurveyAsync(operation, cancellation).ConfigureAwait(false);
        return await new Removal(operation, view, owners).RunAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The secret is there already: nobody is shown anything, and where there is a record to try nobody waits for slow nodes.</summary>
    private Task<RecoverySession> PrepareForSecretAsync(IProgress<CustodyProgress>? progress, CancellationToken cancellation) =>
        RecoverySession.PrepareAsync(new Operation(core, progress), isShown: false, cancellation);

    /// <summary>A PENDING record that is held is somebody's only copy too: its secret recovers it.</summary>
    private static void ThrowIfEnrolled(AccountView view, EnrollOptions options)
    {
        if (view.Choice.All.OrderByDescending(r => r.IsActiveSomewhere).FirstOrDefault() is { } present
            && (present.IsActiveSomewhere || !options.ReplacePending))
        {
            throw new AlreadyEnrolledException(
                present.Header.RecordId, present.Header.Generation, !present.IsActiveSomewhere, view.Outcomes);
        }
    }

    /// <summary>
    /// Whether a node has a record that the others had not shown: perhaps that of another device that enrolled at the same time.
    /// </summary>
    private static bool WasOvertaken(NodeOutcome outcome) =>
        outcome == EnrolmentFlow.OtherOwner || outcome.Refusal?.Reason is RefusalReason.StaleGeneration or RefusalReason.BadSignature;

    private async Task<Recovered> OpenAsync(SecretBytes utf8, IProgress<CustodyProgress>? progress, CancellationToken cancellation)
    {
        using SecretBytes owned = utf8;
        using RecoverySession session = await PrepareForSecretAsync(progress, cancellation).ConfigureAwait(false);
        return await session.OpenAsync(utf8, cancellation).ConfigureAwait(false);
    }

    /// <summary>A change or a deletion concerns every node, so it waits for all of them.</summary>
    private static async Task<AccountView> SurveyAsync(Operation operation, CancellationToken cancellation)
    {
        using Survey survey = Survey.Start(operation);
        await survey.CompleteAsync(cancellation).ConfigureAwait(false);
        AccountView view = survey.View().Judged();
        AccountReading.ThrowIfTokensDisagree(operation, view);
        return view;
    }

    /// <summary>
    /// The nodes would take a change signed for a record that another device has replaced meanwhile; its owner would not want it.
    /// </summary>
    private static void ThrowIfReplacedSince(Operation operation, RecoverResult recovered, AccountView view)
    {
        HeldRecord chosen = AccountReading.ChosenOrThrow(operation, view);
        bool stands = recovered.IsOlderRecord
            ? view.Choice.All.Any(r => r.Header.IsSameAs(recovered.Header))
            : chosen.Header.IsSameAs(recovered.Header);
        if (!stands)
        {
            throw new OwnerKeyRejectedException(view.Outcomes);
        }
    }

    /// <summary>The record to use, when an owner key is of it.</summary>
    private static Header OwnedChoice(Operation operation, AccountView view, SecretBytes ownerKey) =>
        OwnedHeader(operation, view, ownerKey, [AccountReading.ChosenOrThrow(operation, view)]);

    /// <summary>The record among these that an owner key is of.</summary>
    private static Header OwnedHeader(Operation operation, AccountView view, SecretBytes ownerKey, IReadOnlyCollection<HeldRecord> records)
    {
        if (records.Count == 0)
        {
            throw Absence.Explain(operation.Set, view);
        }

        if (!SigningKey.TryCreate(ownerKey.Span, out SigningKey? key))
        {
            throw new OwnerKeyRejectedException(view.Outcomes);
        }

        using (key)
        {
            return records.FirstOrDefault(r => key.PublicKey.SequenceEqual(r.Header.OwnerPublicKey.Span))?.Header
                ?? throw new OwnerKeyRejectedException(view.Outcomes);
        }
    }
}
