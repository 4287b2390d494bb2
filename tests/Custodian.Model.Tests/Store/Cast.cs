using System.Globalization;
using System.Security.Cryptography;
using Custodian.Node.Tests.Records;
using Custodian.Protocol;

namespace Custodian.Model.Tests.Store;

/// <summary>
/// The records that scripts speak of, always the same: A to T of one user, a to c of another; each takes the attempts that
/// <see cref="MaxAttempts"/> says. Two of a generation, so that one comes too late.
/// </summary>
internal static class Cast
{
    internal const string Mine = "ABCDEFGHIJKLMNOPQRST";
    internal const string Theirs = "abc";
    internal const string All = Mine + Theirs;

    private static readonly Dictionary<char, ClientRecord> s_records = All.ToDictionary(name => name, Make);

    internal static ClientRecord Record(char name) => s_records[name];

    internal static char NameOf(RecordId id) => s_records.First(r => r.Value.Id == id).Key;

    /// <summary>A 1, B 2, C 2, D 3, E 4, ...: and a 1, b 2, c 3.</summary>
    internal static ulong Generation(char name) =>
        char.IsLower(name) ? (ulong)(name - 'a' + 1) : name < 'C' ? (ulong)(name - 'A' + 1) : (ulong)(name - 'A');

    internal static int MaxAttempts(char name) => char.ToUpperInvariant(name) == 'C' ? 2 : 5;

    internal static bool IsOfOneUser(char one, char other) => char.IsLower(one) == char.IsLower(other);

    internal static AttemptId Attempt(int number) => AttemptId.Read(SHA256.HashData([(byte)number]).AsSpan(0, AttemptId.Size));

    internal static string NameOf(AttemptId? attempt) =>
        attempt is not { } id ? "-"
        : Enumerable.Range(0, Scripts.Attempts).FirstOrDefault(i => Attempt(i) == id, -1) is >= 0 and var number
            ? number.ToString(CultureInfo.InvariantCulture)
            : "lost";

    internal static byte[] PointDigest(int number) => SHA256.HashData([1, (byte)number]);

    private static ClientRecord Make(char name)
    {
        AccountId account = AccountId.Derive(ClientRecord.Set, ClientRecord.Issuer, char.IsLower(name) ? "they" : "I");
        return new ClientRecord(Generation(name), maxAttempts: MaxAttempts(name), account: account);
    }
}
