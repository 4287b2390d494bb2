namespace Custodian.Client;

/// <summary>What is kept beside the key, inside the envelope, where only the user can read it.</summary>
public sealed record EnrollOptions
{
    /// <summary>The user's name for the key. Default empty.</summary>
    public string Label { get; init; } = "";

    /// <summary>A media type that says how to read the key. Default <c>application/octet-stream</c>.</summary>
    public string ContentType { get; init; } = "application/octet-stream";
}
