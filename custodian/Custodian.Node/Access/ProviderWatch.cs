namespace Custodian.Node.Access;

/// <summary>
/// Says in the log that an issuer's keys cannot be had, once a minute at most: a caller gets TOKEN_REJECTED then, which by itself tells an
/// operator nothing. Thread-safe.
/// </summary>
internal sealed class ProviderWatch(string issuer, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private DateTimeOffset _quietUntil = DateTimeOffset.MinValue;

    internal void Fails(Exception error)
    {
        lock (_gate)
        {
            if (time.GetUtcNow() < _quietUntil)
            {
                return;
            }

            _quietUntil = time.GetUtcNow() + Quiet;
        }

        AccessLog.ProviderFails(logger, issuer, error);
    }

    /// <summary>The way to the provider, watched.</summary>
    internal HttpMessageHandler Over(HttpMessageHandler way) => new Handler(this, way);

    private sealed class Handler(ProviderWatch watch, HttpMessageHandler way) : DelegatingHandler(way)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
                if (!response.IsSuccessStatusCode)
                {
                    watch.Fails(new HttpRequestException($"{request.RequestUri} answered with status {(int)response.StatusCode}"));
                }

                return response;
            }
            catch (Exception failure)
            {
                watch.Fails(failure);
                throw;
            }
        }
    }
}
