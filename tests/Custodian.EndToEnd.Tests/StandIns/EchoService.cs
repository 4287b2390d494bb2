using Grpc.Core;

namespace Custodian.EndToEnd.Tests.StandIns;

/// <summary>Answers with what it was asked; a test decides what <c>Say</c> does.</summary>
internal sealed class EchoService(Func<Words, ServerCallContext, Task<Words>> say) : Echo.EchoBase
{
    public override Task<Words> Say(Words request, ServerCallContext context) => say(request, context);

    public override async Task Repeat(Words request, IServerStreamWriter<Words> responseStream, ServerCallContext context)
    {
        for (int i = 0; i < request.Times; i++)
        {
            await responseStream.WriteAsync(new Words { Text = request.Text, Times = i }, context.CancellationToken);
        }

        context.ResponseTrailers.Add("echo-count", request.Times.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    public override async Task<Words> Collect(IAsyncStreamReader<Words> requestStream, ServerCallContext context)
    {
        var answer = new Words();
        while (await requestStream.MoveNext())
        {
            answer.Text += requestStream.Current.Text;
            answer.Times++;
        }

        return answer;
    }

    public override async Task Converse(IAsyncStreamReader<Words> requestStream, IServerStreamWriter<Words> responseStream, ServerCallContext context)
    {
        responseStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await foreach (Words words in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(words);
        }
    }
}
