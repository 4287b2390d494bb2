using Custodian.Core;
using Custodian.Protocol;

namespace Custodian.Node.Tests.Core;

/// <summary>A sealed part under a newer key takes the place of the one that it was made from, and nothing else changes.</summary>
public sealed class ResealRuleTests
{
    private static readonly byte[] Resealed = [9, 9, 9];

    private readonly AccountSketch _sketch = new();

    [Theory]
    [InlineData("P1", "1")]
    [InlineData("A1[a](bc2)", "1")]
    [InlineData("S1 A2(ab) P3 D4", "1")]
    [InlineData("S1 A2(ab) P3 D4", "2")]
    [InlineData("S1 A2(ab) P3 D4", "3")]
    public void Decide_PartAsItWas_ExchangesItAloneAndSaysSo(string sketch, string name)
    {
        Account before = _sketch.Read(sketch);
        RecordId id = _sketch[name].Id;

        Change change = ResealRule.Decide(before, id, before.Find(id)!.SealedPart, Resealed).Change!;

        Assert.Equal(sketch, _sketch.Write(change.Next));
        Assert.Equal(Resealed, change.Next.Find(id)!.SealedPart.ToArray());
        Assert.Equal(before.Find(id)! with { SealedPart = default }, change.Next.Find(id)! with { SealedPart = default });
        Assert.All(before.Records.Where(r => r.Id != id), r => Assert.Same(r, change.Next.Find(r.Id)));
        Assert.Equal(AuditEvent.Of(AuditKind.Resealed, before.Find(id)!), change.Event);
    }

    [Theory]
    [InlineData("A1", "1")]
    [InlineData("D1", "1")]
    [InlineData("A1", "2")]
    public void Decide_PartChangedOrRecordGone_ChangesNothing(string sketch, string name)
    {
        Account before = _sketch.Read(sketch);

        Assert.Null(ResealRule.Decide(before, _sketch[name].Id, new byte[] { 1 }, Resealed).Change);
    }
}
