namespace Grpc.Core;

/// <summary>What a server knows of the peer of a call.</summary>
public class AuthContext
{
    private readonly Dictionary<string, List<AuthProperty>> properties;

    /// <summary>A context as an implementation of gRPC hands it to a service.</summary>
    /// <param name="peerIdentityPropertyName">The property that identifies the peer, or null for a peer that is not authenticated.</param>
    /// <param name="properties">The properties by name.</param>
    /// <exception cref="ArgumentNullException"><paramref name="properties"/> is null.</exception>
    public AuthContext(string? peerIdentityPropertyName, Dictionary<string, List<AuthProperty>> properties)
    {
        ArgumentNullException.ThrowIfNull(properties);
        PeerIdentityPropertyName = peerIdentityPropertyName;
        this.properties = properties;
    }

    /// <summary>Whether the peer is authenticated.</summary>
    public bool IsPeerAuthenticated => PeerIdentityPropertyName is not null;

    /// <summary>The name of the property that identifies the peer, or null for a peer that is not authenticated.</summary>
    public string? PeerIdentityPropertyName { get; }

    /// <summary>The values of the property that identifies the peer; none for a peer that is not authenticated.</summary>
    public IEnumerable<AuthProperty> PeerIdentity => PeerIdentityPropertyName is null ? [] : FindPropertiesByName(PeerIdentityPropertyName);

    /// <summary>Every property.</summary>
    public IEnumerable<AuthProperty> Properties => properties.Values.SelectMany(values => values);

    /// <summary>The values of one property.</summary>
    /// <param name="propertyName">The property's name.</param>
    /// <returns>The values; none where there is no such property.</returns>
    public IEnumerable<AuthProperty> FindPropertiesByName(string propertyName)
        => properties.TryGetValue(propertyName, out List<AuthProperty>? values) ? values : [];
}
