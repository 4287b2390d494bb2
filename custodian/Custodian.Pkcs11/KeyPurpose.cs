namespace Custodian.Pkcs11;

/// <summary>What a key in a node's token is for.</summary>
public enum KeyPurpose
{
    /// <summary>Seals records, prepared keys and the node's own secrets.</summary>
    Seal = 1,

    /// <summary>Wraps the records' own keys.</summary>
    Wrap = 2,

    /// <summary>Signs.</summary>
    Audit = 3,
}
