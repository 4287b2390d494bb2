namespace Custodian.Pkcs11;

/// <summary>
/// A version of a key that may be used, as whoever made it noted it. Who can write to a token can make keys there and give them any label;
/// what nobody noted is not used. A version 1 that is in no list is the one that <see cref="TokenKeys.CreateAsync"/> made.
/// </summary>
/// <param name="Purpose">What it is for.</param>
/// <param name="Version">Which.</param>
/// <param name="Identity">In hexadecimal the CKA_ID, drawn at random, of a seal or wrap key; of an audit key its public point.</param>
public sealed record AuthorisedKey(KeyPurpose Purpose, uint Version, string Identity);

/// <summary>A key in the token under a label of the node's that the node leaves alone.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Why">Why, in words for an operator.</param>
public sealed record UnusedKey(string Label, string Why);
