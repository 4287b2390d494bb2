using System.Net;
using Custodian.Core;
using Custodian.Node.Commands;
using Custodian.Node.Host;
using Custodian.Node.Storage;
using Custodian.Pkcs11;

namespace Custodian.Node.Tests.Keys;

/// <summary>A change of a key that a person is asked about: alone while it looks and changes, and not while they think.</summary>
public sealed class KeyChangeTests : IDisposable
{
    private static readonly TokenKey Key = new(KeyPurpose.Wrap, 1, "aa");

    private readonly string _folder = Directory.CreateTempSubdirectory("custodian-change-").FullName;
    private readonly List<string> _done = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Run_PersonIsAsked_OthersAreNotKeptWaitingAndItLooksAnewAfterTheAnswer()
    {
        Assert.Equal(ExitCode.Done, await RunAsync(isAnswered: false, KeyChange.Found.Of(Key, KeyList.Empty)));

        Assert.Equal(["look alone", "ask", "look alone", "change alone"], _done);
    }

    [Fact]
    public async Task Run_AnsweredOnTheCommandLine_LooksOnceAndIsAloneFromThenOn()
    {
        Assert.Equal(ExitCode.Done, await RunAsync(isAnswered: true, KeyChange.Found.Of(Key, KeyList.Empty)));

        Assert.Equal(["look alone", "change alone"], _done);
    }

    [Fact]
    public async Task Run_AnswerIsNo_ChangesNothing()
    {
        Assert.Equal(ExitCode.Usage, await RunAsync(isAnswered: false, KeyChange.Found.Of(Key, KeyList.Empty), answer: false));

        Assert.Equal(["look alone", "ask"], _done);
    }

    [Theory]
    [InlineData(null, ExitCode.Findings)]
    [InlineData("bb", ExitCode.Failed)]
    public async Task Run_NotThatKeyAnyMoreAfterTheAnswer_ChangesNothing(string? identity, int status)
    {
        KeyChange.Found after = identity is null
            ? KeyChange.Found.Nothing(ExitCode.Findings)
            : KeyChange.Found.Of(Key with { Identity = identity }, KeyList.Empty);

        Assert.Equal(status, await RunAsync(isAnswered: false, KeyChange.Found.Of(Key, KeyList.Empty), after));

        Assert.Equal(["look alone", "ask", "look alone"], _done);
    }

    [Fact]
    public async Task Run_NothingToChange_AsksNobody()
    {
        Assert.Equal(ExitCode.NotFound, await RunAsync(isAnswered: false, KeyChange.Found.Nothing(ExitCode.NotFound)));

        Assert.Equal(["look alone"], _done);
    }

    private Task<int> RunAsync(bool isAnswered, KeyChange.Found before, KeyChange.Found? after = null, bool answer = true)
    {
        NodeConfiguration configuration = Of(_folder);
        return KeyChange.RunAsync(
            configuration,
            isAnswered,
            () => Task.FromResult(Note("look") ? before : after ?? before),
            _ =>
            {
                Note("ask");
                return answer;
            },
            found =>
            {
                Note("change");
                return Task.CompletedTask;
            });

        // Whether it was the first of its kind.
        bool Note(string what)
        {
            bool isFirst = !_done.Exists(d => d.StartsWith(what, StringComparison.Ordinal));
            _done.Add(IsAlone(configuration) ? $"{what} alone" : what);
            return isFirst;
        }
    }

    private static bool IsAlone(NodeConfiguration configuration)
    {
        try
        {
            KeyLock.Share(configuration).Dispose();
            return false;
        }
        catch (NodeStartException)
        {
            return true;
        }
    }

    private static NodeConfiguration Of(string folder) => new()
    {
        NodeId = SealedNode.Node,
        Sets = [],
        Listen = new IPEndPoint(IPAddress.Loopback, 0),
        DataFolder = folder,
        Tls = new TlsSettings(null, null, null, null),
        Hsm = new HsmSettings("", "", null, 1, 1, 1, 1),
        Issuers = [],
        Attempts = new AttemptPolicy(),
        Limits = null!,
        Deadlines = null!,
    };
}
