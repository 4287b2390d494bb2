namespace Custodian.Node.Host;

/// <summary>How long a node waits for whom, as <c>limits:*</c> says it.</summary>
/// <param name="CallWait">How long a call may take to arrive, and then to find its places at the HSM and in the store.</param>
/// <param name="Handshake">How long a TLS handshake may take.</param>
/// <param name="Headers">How long a request's headers may take.</param>
/// <param name="KeepAlive">How long a connection without a call is kept.</param>
/// <param name="Ping">After how long a silence a client is asked whether it is still there.</param>
/// <param name="PingAnswer">How long it may take to answer that.</param>
/// <param name="LowestRate">Bytes a second below which a request or an answer is given up, after some grace.</param>
internal sealed record DeadlineSettings(
    TimeSpan CallWait, TimeSpan Handshake, TimeSpan Headers, TimeSpan KeepAlive, TimeSpan Ping, TimeSpan PingAnswer, int LowestRate)
{
    private const int LongestCallWait = 120;
    private const int Minutes = 300;
    private const int Day = 86_400;

    /// <summary>The longest <see cref="CallWait"/> that can be set.</summary>
    internal static TimeSpan MostCallWait { get; } = TimeSpan.FromSeconds(LongestCallWait);

    internal static DeadlineSettings Read(SettingsReader settings) => new(
        ReadSeconds(settings, "call_wait", 30, LongestCallWait),
        ReadSeconds(settings, "handshake", 10, Minutes),
        ReadSeconds(settings, "headers", 10, Minutes),
        ReadSeconds(settings, "keep_alive", 120, Day),
        ReadSeconds(settings, "ping", 30, Day),
        ReadSeconds(settings, "ping_answer", 20, Minutes),
        settings.Number("limits:lowest_rate", 240, 1, 1_000_000));

    private static TimeSpan ReadSeconds(SettingsReader settings, string what, int fallback, int longest) =>
        TimeSpan.FromSeconds(settings.Number($"limits:{what}_s", fallback, 1, longest));
}
