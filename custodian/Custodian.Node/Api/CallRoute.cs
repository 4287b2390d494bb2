using Custodian.Node.Api.Requests;
using Custodian.Protocol;
using Google.Protobuf;

namespace Custodian.Node.Api;

/// <summary>One method of the service: how its message is parsed, and what is done with the call.</summary>
/// <typeparam name="TWire">The request message.</typeparam>
/// <typeparam name="TCall">The request, parsed.</typeparam>
/// <typeparam name="TResponse">The response message.</typeparam>
/// <param name="Name">The method's name in protocol.md section 12.</param>
/// <param name="Message">The message's parser.</param>
/// <param name="Parse">From the message to the call, or the field at fault. Pure.</param>
/// <param name="ExecuteAsync">Decides, commits and answers.</param>
internal sealed record CallRoute<TWire, TCall, TResponse>(
    string Name,
    MessageParser<TWire> Message,
    Func<TWire, FieldReader, Parsed<TCall>> Parse,
    Func<Parsed<TCall>, CallScope, Task<Outcome<TResponse>>> ExecuteAsync)
    where TWire : IMessage<TWire>
    where TCall : class
    where TResponse : class;
