using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Microsoft.Data.Sqlite;

namespace Custodian.Node.Storage;

/// <summary>A key that 'custodian init', 'keys rotate' or 'keys adopt' named, and what the operator has allowed since.</summary>
/// <param name="Key">The key.</param>
/// <param name="MayReseal">Of a seal key: whether what is older may be brought under it.</param>
internal sealed record ListedKey(TokenKey Key, bool MayReseal);

/// <summary>
/// The keys that this node makes new things under, the newest of each purpose, and those that it did before: whoever holds the token's PIN
/// makes keys there under any label, and the node makes nothing under one that is not in this list. One row with one MAC under the row
/// key, so that nothing can be put in, changed or taken out by itself.
/// </summary>
/// <remarks>
/// What is under a key opens without this list, for the row key itself is under one of them; only what was made under a key opens with
/// it. A retired audit key stays in the list: by its point its signatures verify.
/// </remarks>
/// <param name="Keys">The keys, by purpose and version; one of each version.</param>
internal sealed record KeyList(ImmutableArray<ListedKey> Keys)
{
    /// <summary>What <see cref="Finding"/>s and logs call it.</summary>
    internal const string Row = "key_list";

    internal static KeyList Empty { get; } = new(ImmutableArray<ListedKey>.Empty);

    /// <summary>What the HSM may make new things under.</summary>
    internal IReadOnlyList<TokenKey> Authorised => [.. Keys.Select(k => k.Key)];

    internal static KeyList Of(IEnumerable<TokenKey> keys) => keys.Aggregate(Empty, (list, key) => list.With(new ListedKey(key, MayReseal: false)));

    /// <summary>
    /// The keys of a database that is older than the list: the first versions, as 'custodian init' made them. Where a token has two that
    /// could be it, neither: the operator tells. And none at all where a later version is in the token, or something is under one: then
    /// there was a list, and somebody set the database's schema number back, or a later version was planted. The operator adopts.
    /// </summary>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    internal static KeyList FirstOf(KeyInventory keys, SqliteStoreOptions options) =>
        keys.Fit.Any(k => k.Version > 1) || HoldsLater(options) ? Empty : Of(keys.Fit
            .Where(k => k.Version == 1)
            .GroupBy(k => k.Purpose)
            .Where(same => same.Count() == 1)
            .Select(same => same.Single()));

    private static bool HoldsLater(SqliteStoreOptions options)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenReader(options);
            KeyUse use = KeyQueries.Use(connection);
            return use.Holding(KeyPurpose.Seal).Concat(use.Holding(KeyPurpose.Wrap)).Any(version => version > 1);
        }
        catch (SqliteException damaged) when (damaged.SqliteErrorCode is SQLitePCL.raw.SQLITE_CORRUPT)
        {
            // What cannot be read may be under one.
            return true;
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
    }

    /// <summary>The key of a version; null if none is listed.</summary>
    internal ListedKey? Find(KeyPurpose purpose, uint version) => Keys.FirstOrDefault(k => k.Key.Purpose == purpose && k.Key.Version == version);

    /// <summary>Whether the operator said that what is under older seal keys may be brought under this one.</summary>
    internal bool MayReseal(uint version) => Find(KeyPurpose.Seal, version) is { MayReseal: true };

    /// <summary>The list with a key put in, or in the place of the one of its version.</summary>
    internal KeyList With(ListedKey listed) => new(
    [
        .. Keys.Where(k => k.Key.Purpose != listed.Key.Purpose || k.Key.Version != listed.Key.Version).Append(listed)
            .OrderBy(k => k.Key.Purpose).ThenBy(k => k.Key.Version),
    ]);

    /// <summary>The list of a database; null where it is missing, or not as the node wrote it.</summary>
    internal static KeyList? Read(SqliteConnection connection, NodeSecrets secrets)
    {
        if (Schema.VersionOf(connection) < Schema.WithKeyList)
        {
            return null;
        }

        using var find = new Statement(connection, "SELECT list, mac FROM key_list WHERE id = 1");
        using Statement.Rows reader = find.Query();
        if (!reader.Read())
        {
            return null;
        }

        byte[] list = reader.Blob(0);
        return RowMacs.AreEqual(RowMacs.OfKeyList(secrets, list), reader.Blob(1)) ? Decode(list) : null;
    }

    /// <inheritdoc cref="Read(SqliteConnection, NodeSecrets)"/>
    /// <exception cref="StorageException">The database cannot be read.</exception>
    internal static KeyList? Read(SqliteStoreOptions options, NodeSecrets secrets)
    {
        try
        {
            using SqliteConnection connection = SqliteConnections.OpenReader(options);
            return Read(connection, secrets);
        }
        catch (SqliteException failure)
        {
            throw SqliteFaults.Translate(failure, options.Path);
        }
    }

    /// <summary>Puts the list in the place of the one that is there.</summary>
    internal void Write(SqliteConnection connection, NodeSecrets secrets)
    {
        byte[] list = Encode();
        using var write = new Statement(connection, "INSERT OR REPLACE INTO key_list (id, list, mac) VALUES (1, ?1, ?2)");
        write.Write(list, RowMacs.OfKeyList(secrets, list));
    }

    private byte[] Encode()
    {
        LengthPrefixed encoded = new LengthPrefixed().U32((uint)Keys.Length);
        foreach (ListedKey listed in Keys)
        {
            encoded.U8((byte)listed.Key.Purpose).U32(listed.Key.Version).U8(listed.MayReseal ? (byte)1 : (byte)0).Lp(listed.Key.Identity);
        }

        return encoded.ToArray();
    }

    /// <summary>The node wrote these bytes, as their MAC says.</summary>
    private static KeyList Decode(ReadOnlySpan<byte> list)
    {
        var keys = ImmutableArray.CreateBuilder<ListedKey>();
        for (ReadOnlySpan<byte> rest = list[4..]; !rest.IsEmpty;)
        {
            int length = checked((int)BinaryPrimitives.ReadUInt32BigEndian(rest[6..]));
            var key = new TokenKey(
                (KeyPurpose)rest[0], BinaryPrimitives.ReadUInt32BigEndian(rest[1..]), Encoding.UTF8.GetString(rest.Slice(10, length)));
            keys.Add(new ListedKey(key, rest[5] == 1));
            rest = rest[(10 + length)..];
        }

        return new KeyList(keys.ToImmutable());
    }
}
