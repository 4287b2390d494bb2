namespace Custodian.Pkcs11;

/// <summary>A key in a token, and what tells it from another of its label: whoever reaches a token may make keys there under any label.</summary>
/// <param name="Purpose">What it is for.</param>
/// <param name="Version">Which version of it.</param>
/// <param name="Identity">In hexadecimal the CKA_ID, drawn at random, of a seal or wrap key; of an audit key its public point.</param>
public sealed record TokenKey(KeyPurpose Purpose, uint Version, string Identity);

/// <summary>A key in the token under a label of the node's that the node does not use, or makes nothing new under.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Why">Why, in words for an operator.</param>
public sealed record UnusedKey(string Label, string Why);
