using Custodian.Node.Access;
using Custodian.Protocol;
using Google.Protobuf;

namespace Custodian.Node.Api.Requests;

/// <summary>
/// Reads the fields of one request into types, each by name, and remembers the first that is outside its form. What it returns for a
/// faulty field is a placeholder that nobody uses, since <see cref="Finish"/> then answers the fault alone.
/// </summary>
internal sealed class FieldReader(NodeProfile profile, Caller caller)
{
    private SetId _set;

    /// <summary>The first fault, or null.</summary>
    internal FieldFault? Fault { get; private set; }

    /// <summary>The node that reads.</summary>
    internal NodeId Node => profile.Node;

    /// <summary>The set the request is for, once <see cref="Set"/> has read it.</summary>
    internal SetId SetId => _set;

    /// <summary>The caller's account at the request's set: issuer and subject are the verified token's, never the request's (section 3).</summary>
    internal AccountId Account { get; private set; }

    /// <summary>The set_id: of its form, and one that this node serves.</summary>
    internal void Set(string text)
    {
        if (!SetId.TryParse(text, out _set))
        {
            Refuse("set_id", DnsLikeName.Form);
        }
        else if (!profile.Sets.Contains(_set))
        {
            Refuse("set_id", "one of the sets that this node serves");
        }
        else
        {
            Account = caller.AccountAt(_set);
        }
    }

    /// <summary>A record_id of 16 bytes.</summary>
    internal RecordId Record(string field, ByteString bytes)
    {
        if (!RecordId.TryRead(bytes.Span, out RecordId id))
        {
            Refuse(field, "16 bytes");
        }

        return id;
    }

    /// <summary>A record_id of 16 bytes, or none.</summary>
    internal RecordId? OptionalRecord(string field, ByteString bytes)
    {
        if (bytes.IsEmpty)
        {
            return null;
        }

        if (!RecordId.TryRead(bytes.Span, out RecordId id))
        {
            Refuse(field, "16 bytes, or empty");
        }

        return id;
    }

    /// <summary>An attempt_id of 16 bytes.</summary>
    internal AttemptId Attempt(ByteString bytes)
    {
        if (!AttemptId.TryRead(bytes.Span, out AttemptId id))
        {
            Refuse("attempt_id", "16 bytes");
        }

        return id;
    }

    /// <summary>Bytes of one length.</summary>
    internal ReadOnlyMemory<byte> Exactly(string field, ByteString bytes, int length)
    {
        if (bytes.Length != length)
        {
            Refuse(field, $"{length} bytes");
        }

        return bytes.Memory;
    }

    /// <summary>Bytes of a length within bounds, both included.</summary>
    internal ReadOnlyMemory<byte> Between(string field, ByteString bytes, int shortest, int longest)
    {
        if (bytes.Length < shortest || bytes.Length > longest)
        {
            Refuse(field, $"{shortest} to {longest} bytes");
        }

        return bytes.Memory;
    }

    /// <summary>
    /// The blinded x-coordinate as the 65-byte point with even y. Checked here, before the HSM sees it (section 6): a point off the curve
    /// could take the key out bit by bit on hardware that does not check.
    /// </summary>
    internal ReadOnlyMemory<byte> Point(string field, ByteString x)
    {
        byte[] point = new byte[P256.PointSize];
        if (!P256.TryLiftX(x.Span, point))
        {
            Refuse(field, "the x-coordinate of a P-256 point, 32 bytes big-endian");
        }

        return point;
    }

    /// <summary>Notes a fault; only the first one counts.</summary>
    internal void Refuse(string field, string expected) => Fault ??= new FieldFault(field, expected);

    /// <summary>The parsed request, or its first fault; <paramref name="build"/> is asked only when there is none.</summary>
    internal Parsed<T> Finish<T>(Func<T> build)
        where T : class => Fault is null ? Parsed<T>.As(_set, Account, build()) : Parsed<T>.Faulty(Fault);
}
