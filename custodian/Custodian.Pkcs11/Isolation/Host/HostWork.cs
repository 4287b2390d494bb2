using Custodian.Pkcs11.Isolation.Frames;
using Custodian.Pkcs11.Sessions;

namespace Custodian.Pkcs11.Isolation.Host;

/// <summary>A request on its way through a session, to its answer.</summary>
/// <param name="id">The request's.</param>
/// <param name="operation">What it asks for.</param>
/// <param name="payload">Where its arguments are; disposed once they are used.</param>
/// <param name="answers">Where the answer goes.</param>
internal sealed class HostWork(ulong id, HsmOperation<FrameBuffer> operation, FrameBuffer payload, FrameOutput answers) : IHsmWork
{
    public void Execute(SessionLease lease) => answers.Send(Run(lease));

    /// <summary>
    /// What is no failure of the HSM is a fault of this program: its type says enough, its text might hold what must not cross over.
    /// </summary>
    public static HsmException OfHsm(Exception e) =>
        e as HsmException ?? new HsmException(HsmErrorClass.Fatal, 0, "hsm-host", $"An unforeseen {e.GetType().Name} in the HSM's process.");

    private FrameBuffer Run(SessionLease lease)
    {
        using (payload)
        {
            try
            {
                return operation(lease);
            }
            catch (Exception e)
            {
                return AnswerFrames.Failed(id, OfHsm(e));
            }
        }
    }
}
