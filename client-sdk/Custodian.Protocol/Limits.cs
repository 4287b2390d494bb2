namespace Custodian.Protocol;

/// <summary>The numbers of protocol.md that both sides check.</summary>
internal static class Limits
{
    /// <summary>The only protocol version (section 9).</summary>
    internal const uint Version = 1;

    /// <summary>The most nodes a record is spread over (section 9).</summary>
    internal const int MaxParticipants = 16;

    /// <summary>The lowest <c>max_attempts</c> of a header (section 9).</summary>
    internal const int MinAttempts = 1;

    /// <summary>The highest <c>max_attempts</c> of a header (section 9).</summary>
    internal const int MaxAttempts = 100;

    /// <summary>The highest generation a node accepts (section 3): 2^62.</summary>
    internal const ulong MaxGeneration = 1UL << 62;

    /// <summary>How far above its own highest a generation may be for a node to accept it (section 3): 2^33.</summary>
    internal const ulong MaxGenerationStep = 1UL << 33;

    /// <summary>How far above the t-th highest claim a claimed generation may be for a client to believe it (section 3): 2^32.</summary>
    internal const ulong MaxGenerationClaimStep = 1UL << 32;

    /// <summary>
    /// The longest header in bytes: with every field at its longest a header that passes section 9 takes 1478, so this bound refuses none,
    /// and keeps a hostile one from being parsed at all.
    /// </summary>
    internal const int MaxHeaderSize = 2048;

    /// <summary>SHA-256 digests, keys, shares, masks, scalars and x-coordinates, in bytes.</summary>
    internal const int WordSize = 32;

    /// <summary>A recovery key and a share of it, masked or not, in bytes (sections 4 and 7).</summary>
    internal const int ShareSize = 32;

    /// <summary>The salt of a new record, in bytes (section 5).</summary>
    internal const int NewSaltSize = 16;

    /// <summary>The shortest salt (section 5).</summary>
    internal const int MinSaltSize = 16;

    /// <summary>The longest salt (section 5).</summary>
    internal const int MaxSaltSize = 64;

    /// <summary>The least memory for Argon2id, in KiB (section 5).</summary>
    internal const int MinMemoryKib = 19456;

    /// <summary>The most memory for Argon2id, in KiB (section 5).</summary>
    internal const int MaxMemoryKib = 1048576;

    /// <summary>The most iterations of Argon2id (section 5); the least is 1.</summary>
    internal const int MaxIterations = 16;

    /// <summary>The most lanes of Argon2id (section 5); the least is 1.</summary>
    internal const int MaxParallelism = 16;

    /// <summary>The padding of a payload rounds it up to a multiple of this (section 8).</summary>
    internal const int PayloadBlock = 256;

    /// <summary>The smallest envelope in bytes (section 9): one block of payload.</summary>
    internal const int MinEnvelopeSize = 1 + EnvelopeNonceSize + PayloadBlock + EnvelopeTagSize;

    /// <summary>The largest envelope in bytes (section 8).</summary>
    internal const int MaxEnvelopeSize = 65536;

    /// <summary>The nonce of an envelope in bytes (section 8).</summary>
    internal const int EnvelopeNonceSize = 12;

    /// <summary>The tag of an envelope in bytes (section 8).</summary>
    internal const int EnvelopeTagSize = 16;

    /// <summary>The longest serialised payload that fits into an envelope: 65279 bytes, since at least one byte of padding follows it.</summary>
    internal const int MaxPayloadSize =
        ((MaxEnvelopeSize - 1 - EnvelopeNonceSize - EnvelopeTagSize) / PayloadBlock * PayloadBlock) - 1;

    /// <summary>The most former owner keys a client puts into a payload (section 8).</summary>
    internal const int MaxFormerOwners = 8;

    /// <summary>
    /// The most live records of an account at a node: one PENDING, one ACTIVE, and what interrupted changes left SUPERSEDED. Section 11 sets
    /// no bound; without one, anybody could make every load of their own account as dear as they like.
    /// </summary>
    internal const int MaxLiveRecords = 8;

    /// <summary>How many tombstones of an account a node keeps (section 11).</summary>
    internal const int TombstonesKept = 16;

    /// <summary>Attempts of a run that are not delayed (section 11).</summary>
    internal const int UndelayedAttempts = 3;

    /// <summary>How long the key of a Prepare can be deposited (section 11).</summary>
    internal static readonly TimeSpan SealedKeyLifetime = TimeSpan.FromMinutes(15);

    /// <summary>How old a PENDING record must be before another may take its place (section 11).</summary>
    internal static readonly TimeSpan PendingProtection = TimeSpan.FromSeconds(60);

    /// <summary>The delay before the first attempt that is delayed; each next waits twice as long (section 11).</summary>
    internal static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(30);

    /// <summary>The longest delay, unless a node is set otherwise (section 11).</summary>
    internal static readonly TimeSpan LongestDelay = TimeSpan.FromHours(24);
}
