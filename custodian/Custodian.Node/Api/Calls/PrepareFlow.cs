using Custodian.Node.Api.Rates;
using Custodian.Node.Api.Requests;
using Custodian.Pkcs11;
using Custodian.Protocol;
using Custodian.Protocol.Wire;
using Google.Protobuf;

namespace Custodian.Node.Api.Calls;

/// <summary>Prepare (protocol.md section 11): a new key in the HSM, handed back sealed. Nothing is stored, so a crash leaves nothing.</summary>
internal sealed class PrepareFlow(IHsm hsm, HsmLine line, HsmContext context, ApiMetrics metrics, TimeProvider time)
{
    internal async Task<Outcome<PrepareResponse>> ExecuteAsync(Parsed<PrepareCall> request, CallScope scope)
    {
        using HsmPlace? place = await line.EnterAsync(request.Account, scope.Waiting);
        if (place is null)
        {
            return Overload.Refusal;
        }

        PrepareCall call = request.Call!;
        byte[] aad = context.OfPrepare(request.Account, call.Record);
        long expires = (time.GetUtcNow() + Limits.SealedKeyLifetime).ToUnixTimeMilliseconds();
        PreparedKey prepared = await metrics.TimeHsmAsync(
            "prepare", () => hsm.PrepareAsync(place.Admission, call.Point, expires, aad));
        return new PrepareResponse
        {
            Evaluated = scope.Lend(prepared.Evaluated),
            SealedKey = UnsafeByteOperations.UnsafeWrap(prepared.SealedKey),
        };
    }
}
