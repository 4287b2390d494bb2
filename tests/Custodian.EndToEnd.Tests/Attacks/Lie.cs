using Custodian.EndToEnd.Tests.Harness;
using Custodian.Testing;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.Reflection;
using Wire = Custodian.Protocol.Wire;

namespace Custodian.EndToEnd.Tests.Attacks;

/// <summary>How a field of an answer is false.</summary>
public enum Falsehood
{
    /// <summary>Left out, which is zero or empty; of a list, all of it.</summary>
    Missing,

    /// <summary>One bit is another.</summary>
    BitFlipped,

    /// <summary>One byte too many; of a number, one more; of a list, the first element twice.</summary>
    OneTooMany,

    /// <summary>All bits set; of a text, long and strange.</summary>
    Highest,

    /// <summary>What another node says in the same answer, or what is said of another user's record.</summary>
    Anothers,
}

/// <summary>One lie: a field of an answer, by its path, and how it is false. Found by reflection, so that a new field is lied in too.</summary>
/// <param name="Method">Whose answer.</param>
/// <param name="Path">The names of the fields down to the one that is false.</param>
/// <param name="Falsehood">How.</param>
internal sealed record Lie(CustodyMethod Method, string Path, Falsehood Falsehood)
{
    private static readonly Dictionary<CustodyMethod, MessageDescriptor> Answers = new()
    {
        [CustodyMethod.Prepare] = Wire.PrepareResponse.Descriptor,
        [CustodyMethod.Deposit] = Wire.DepositResponse.Descriptor,
        [CustodyMethod.Activate] = Wire.ActivateResponse.Descriptor,
        [CustodyMethod.Describe] = Wire.DescribeResponse.Descriptor,
        [CustodyMethod.Evaluate] = Wire.EvaluateResponse.Descriptor,
        [CustodyMethod.Confirm] = Wire.ConfirmResponse.Descriptor,
        [CustodyMethod.Retire] = Wire.RetireResponse.Descriptor,
        [CustodyMethod.Delete] = Wire.DeleteResponse.Descriptor,
    };

    /// <summary>Every lie that the answer of a method can hold.</summary>
    internal static IEnumerable<Lie> In(CustodyMethod method) =>
        from path in Paths(Answers[method], "")
        from falsehood in Enum.GetValues<Falsehood>()
        select new Lie(method, path, falsehood);

    /// <summary>Of each field every lie that it can hold, in an order that is drawn.</summary>
    internal static IEnumerable<(string Path, IReadOnlyList<Lie> Lies)> ByField(CustodyMethod method)
    {
        var draws = new Draws($"lies in {method}");
        return In(method).GroupBy(l => l.Path).Select(field => (field.Key, Shuffled(field, draws)));
    }

    /// <summary>The answer with the lie in it; null when it would be no lie.</summary>
    /// <param name="answer">The node's own.</param>
    /// <param name="anothers">The same answer of another node or about another user.</param>
    internal byte[]? Tell(byte[] answer, byte[]? anothers)
    {
        IMessage message = Answers[Method].Parser.ParseFrom(answer);
        IMessage? other = anothers is null ? null : Answers[Method].Parser.ParseFrom(anothers);
        string[] names = Path.Split('.');
        foreach (string name in names[..^1])
        {
            message = First(message, name) ?? throw new InvalidOperationException($"the answer has no {Path}");
            other = other is null ? null : First(other, name);
        }

        IMessage whole = names.Length == 1 ? message : Answers[Method].Parser.ParseFrom(answer);
        Falsify(message, other, names[^1]);
        if (names.Length > 1)
        {
            Replace(whole, names[0], message);
        }

        byte[] told = whole.ToByteArray();
        return told.AsSpan().SequenceEqual(answer) ? null : told;
    }

    public override string ToString() => $"{Method}.{Path} {Falsehood}";

    private static IReadOnlyList<Lie> Shuffled(IEnumerable<Lie> lies, Draws draws) =>
        [.. lies.Select(lie => (Lie: lie, Rank: draws.Next(int.MaxValue))).OrderBy(l => l.Rank).Select(l => l.Lie)];

    private static IEnumerable<string> Paths(MessageDescriptor descriptor, string prefix) =>
        descriptor.Fields.InDeclarationOrder().SelectMany(f => f.FieldType == FieldType.Message
            ? Paths(f.MessageType, $"{prefix}{f.Name}.").Prepend($"{prefix}{f.Name}")
            : [$"{prefix}{f.Name}"]);

    private static IMessage? First(IMessage message, string name)
    {
        var list = (System.Collections.IList)message.Descriptor.FindFieldByName(name).Accessor.GetValue(message);
        return list.Count == 0 ? null : (IMessage)list[0]!;
    }

    private static void Replace(IMessage whole, string name, IMessage element)
    {
        var list = (System.Collections.IList)whole.Descriptor.FindFieldByName(name).Accessor.GetValue(whole);
        list[0] = element;
    }

    private void Falsify(IMessage message, IMessage? other, string name)
    {
        FieldDescriptor field = message.Descriptor.FindFieldByName(name);
        object value = field.Accessor.GetValue(message);
        if (field.IsRepeated)
        {
            FalsifyList((System.Collections.IList)value, other is null ? null : (System.Collections.IList)field.Accessor.GetValue(other));
        }
        else if (Falsehood == Falsehood.Missing)
        {
            field.Accessor.Clear(message);
        }
        else
        {
            object? anothers = other is null ? null : field.Accessor.GetValue(other);
            field.Accessor.SetValue(message, Falsehood == Falsehood.Anothers ? anothers ?? value : False(value));
        }
    }

    private void FalsifyList(System.Collections.IList list, System.Collections.IList? anothers)
    {
        object[] elements = [.. list.Cast<object>()];
        object[] others = [.. anothers?.Cast<object>() ?? []];
        list.Clear();
        object[] told = Falsehood switch
        {
            Falsehood.Missing => [],
            Falsehood.BitFlipped => [.. elements.Reverse().Skip(1)],
            Falsehood.OneTooMany => [.. elements, elements[0]],
            Falsehood.Highest => [.. Enumerable.Repeat(elements[0], 500)],
            _ => others,
        };
        foreach (object element in told)
        {
            list.Add(element);
        }
    }

    private object False(object value) => value switch
    {
        ByteString bytes => ByteString.CopyFrom(False(bytes.ToByteArray())),
        string text => Falsehood switch
        {
            Falsehood.BitFlipped => text.Length == 0 ? "!" : $"{(char)(text[0] ^ 1)}{text[1..]}",
            Falsehood.OneTooMany => text + "x",
            _ => new string('\uffff', 5000),
        },
        uint number => Falsehood switch { Falsehood.BitFlipped => number ^ 1, Falsehood.OneTooMany => number + 1, _ => uint.MaxValue },
        ulong number => Falsehood switch { Falsehood.BitFlipped => number ^ 1, Falsehood.OneTooMany => number + 1, _ => ulong.MaxValue },
        long number => Falsehood switch { Falsehood.BitFlipped => number ^ 1, Falsehood.OneTooMany => number + 1, _ => long.MaxValue },
        Wire.RecordState state => (Wire.RecordState)(Falsehood switch
        {
            Falsehood.BitFlipped => (int)state ^ 1, Falsehood.OneTooMany => (int)state + 1, _ => int.MaxValue,
        }),
        _ => throw new InvalidOperationException($"no lie is known for a field of type {value.GetType().Name}"),
    };

    private byte[] False(byte[] bytes)
    {
        switch (Falsehood)
        {
            case Falsehood.BitFlipped when bytes.Length > 0:
                bytes[bytes.Length / 2] ^= 1;
                return bytes;
            case Falsehood.Highest:
                Array.Fill(bytes, byte.MaxValue);
                return bytes.Length == 0 ? [.. Enumerable.Repeat(byte.MaxValue, 64)] : bytes;
            default:
                return [.. bytes, 0];
        }
    }
}
