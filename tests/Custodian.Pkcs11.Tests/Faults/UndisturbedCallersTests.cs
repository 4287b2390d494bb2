using Custodian.Pkcs11.Binding;
using Custodian.Pkcs11.Tests.Isolation;
using Custodian.Pkcs11.Tests.SoftHsm;

namespace Custodian.Pkcs11.Tests.Faults;

/// <summary>A failure is the failure of one operation: those that run beside it are right, whatever is cured meanwhile.</summary>
public sealed class UndisturbedCallersTests(SoftHsmWithKeys token) : IClassFixture<SoftHsmWithKeys>
{
    private const int CallsBetween = 50;

    [Theory]
    [InlineData(nameof(Function.Decrypt))]
    [InlineData(nameof(Function.UnwrapKey))]
    [InlineData(nameof(Function.DeriveKey))]
    public async Task Evaluate_EachCodeMeetsOneOfManyCallers_FailsThatOneAloneOrNone(string at)
    {
        var function = Enum.Parse<Function>(at);
        using var module = new InterceptedModule();
        await using (var hsm = await Pkcs11Hsm.OpenAsync(token.Options(sessions: 4), CancellationToken.None))
        {
            var record = await KnownRecord.MakeAsync(hsm);
            using var stop = new CancellationTokenSource();
            var load = record.LoadAsync(hsm, callers: 6, stop.Token);
            foreach (var code in ErrorCodes.All)
            {
                var over = SeenAgain(module, function);
                module.Fail(function, code);
                await over.WaitAsync(TimeSpan.FromSeconds(60));
            }
            module.Observe = null;
            await stop.CancelAsync();
            var (right, failures) = await load;

            Assert.True(right >= CallsBetween, $"{right} were right");
            Assert.Equal(ErrorCodes.All.Select(code => Expected(function, code)).OfType<HsmErrorClass>().Order(), failures.Select(f => f.Class).Order());
            Assert.InRange(module.OpenSessions, 1, 5);
        }
        Assert.Equal(0, module.OpenSessions);
    }

    private static Task SeenAgain(InterceptedModule module, Function function)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = CallsBetween;
        module.Observe = (called, _) =>
        {
            if (called == function && Interlocked.Decrement(ref left) == 0)
            {
                seen.SetResult();
            }
        };
        return seen.Task;
    }

    private static HsmErrorClass? Expected(Function function, nuint code) => ErrorCodes.ClassOf(code) switch
    {
        HsmErrorClass.Session or HsmErrorClass.Login or HsmErrorClass.Handle => null,
        HsmErrorClass.Data or HsmErrorClass.Ambiguous => function == Function.DeriveKey ? HsmErrorClass.Fatal : HsmErrorClass.Data,
        var itself => itself,
    };
}
