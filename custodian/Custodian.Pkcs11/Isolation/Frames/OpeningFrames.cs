using System.Text;
using static Custodian.Pkcs11.Isolation.Frames.FrameFormat;

namespace Custodian.Pkcs11.Isolation.Frames;

/// <summary>What an HSM's process says of itself once it is ready.</summary>
/// <param name="Token">The token.</param>
/// <param name="Keys">The versions of the keys.</param>
internal sealed record HostReady(TokenDescription Token, KeyInventory Keys);

/// <summary>The first request, which carries the PIN, and its answer.</summary>
internal static class OpeningFrames
{
    /// <summary>The id of the first request, and of no other.</summary>
    public const ulong Id = 0;

    /// <remarks>Line and places stay with the node; in the HSM's process whatever comes has been admitted.</remarks>
    public static FrameBuffer Open(Pkcs11HsmOptions options, IReadOnlyList<TokenKey>? authorised, HsmPin pin)
    {
        string[] texts = [options.ModulePath, options.TokenLabel ?? "", options.TokenSerial ?? "", options.ModuleParameters ?? ""];
        var size = texts.Sum(text => SizeOf(Encoding.UTF8.GetByteCount(text))) + 4 + 1 + TokenKeysField.SizeOfOptional(authorised) + SizeOf(pin.Bytes.Length);
        var frame = new FrameWriter(FrameKind.Open, Id, size);
        foreach (var text in texts)
        {
            frame.Text(text);
        }
        frame.U32((uint)options.Sessions);
        frame.U8((byte)options.Evaluation);
        TokenKeysField.WriteOptional(ref frame, authorised);
        frame.Bytes(pin.Bytes);
        return frame.Finish();
    }

    /// <summary>The options, with a PIN that the caller disposes.</summary>
    /// <exception cref="MalformedFrameException">The payload is not what <see cref="Open"/> writes.</exception>
    public static Pkcs11HsmOptions ReadOpen(ReadOnlyMemory<byte> payload)
    {
        var fields = new FrameReader(payload);
        var (module, label, serial, parameters) = (fields.Text(), fields.Text(), fields.Text(), fields.Text());
        var sessions = fields.U32();
        var evaluation = (EvaluationMode)fields.U8();
        var authorised = TokenKeysField.ReadOptional(ref fields);
        var pin = fields.Bytes();
        fields.End();
        if (sessions is 0 or > 256 || pin.Length is 0 or > 255)
        {
            throw new MalformedFrameException("Sessions or PIN are out of range.");
        }
        if (!Enum.IsDefined(evaluation))
        {
            throw new MalformedFrameException("An evaluation in no known place.");
        }
        return new()
        {
            ModulePath = module,
            TokenLabel = NullIfEmpty(label),
            TokenSerial = NullIfEmpty(serial),
            ModuleParameters = NullIfEmpty(parameters),
            Sessions = (int)sessions,
            Evaluation = evaluation,
            Authorised = authorised,
            Pin = new HsmPin(pin.Span),
        };
    }

    public static FrameBuffer Ready(HostReady ready)
    {
        string[] texts = [ready.Token.Label, ready.Token.Serial, ready.Token.Manufacturer, ready.Token.Model];
        var size = texts.Sum(text => SizeOf(Encoding.UTF8.GetByteCount(text))) + 1 + InventoryField.SizeOf(ready.Keys);
        var frame = new FrameWriter(FrameKind.Done, Id, size);
        foreach (var text in texts)
        {
            frame.Text(text);
        }
        frame.U8(ready.Token.Initialised ? (byte)1 : (byte)0);
        InventoryField.Write(ref frame, ready.Keys);
        return frame.Finish();
    }

    public static HostReady ReadReady(ref FrameReader answer)
    {
        var token = new TokenDescription(answer.Text(), answer.Text(), answer.Text(), answer.Text(), answer.Flag());
        return new(token, InventoryField.Read(ref answer));
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
